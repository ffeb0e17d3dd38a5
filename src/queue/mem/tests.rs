// SPDX-License-Identifier: GPL-2.0

//! The rings of [`super`], end to end.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_queue_mem)]
mod cases {
    use super::super::*;
    use crate::queue::bytes::{consume, fill_with, look};

    fn read(head: &Head<u8>, to: &mut [u8]) -> usize {
        let mut len = 0;
        for piece in head.pieces() {
            to[len..len + piece.len()].copy_from_slice(piece);
            len += piece.len();
        }
        len
    }

    fn commit(tail: &mut Tail<u8>, len: usize) {
        if let Some(room) = tail.room(len) {
            room.commit();
        }
    }

    #[test]
    fn nothing_shows_before_it_is_committed() -> Result {
        let (mut tail, head) = ring(16)?;

        assert!(fill_with(&mut tail, b"abc"));
        assert!(head.pieces().next().is_none());
        assert_eq!(look(&mut tail, 3), [&b"abc"[..], &b""[..]]);
        assert!(fill_with(&mut tail, b"def"));
        commit(&mut tail, 3);

        let mut bytes = [0; 16];
        let len = read(&head, &mut bytes);
        assert_eq!(&bytes[..len], b"def");
        Ok(())
    }

    #[test]
    fn bytes_keep_their_order_around_the_ring() -> Result {
        // One that has its bytes in itself, and one that has not.
        for size in [16, 4 * small::<u8>()] {
            let (mut tail, mut head) = ring(size)?;
            let (mut sent, mut received) = (0u8, 0u8);
            let mut bytes = KVec::from_elem(0, size, GFP_KERNEL)?;

            for round in 0..200 {
                let len = (round * 7) % (size + 1);
                for byte in &mut bytes[..len] {
                    *byte = sent;
                    sent = sent.wrapping_add(1);
                }
                assert_eq!(tail.free(), size);
                assert!(fill_with(&mut tail, &bytes[..len]));
                commit(&mut tail, len);
                assert_eq!(tail.free(), size - len);

                bytes.fill(0);
                assert_eq!(read(&head, &mut bytes), len);
                for byte in &bytes[..len] {
                    assert_eq!(*byte, received);
                    received = received.wrapping_add(1);
                }
                assert_eq!(consume(&mut head, len), len);
            }
        }
        Ok(())
    }

    #[test]
    fn a_full_ring_takes_no_more() -> Result {
        let (mut tail, mut head) = ring(8)?;

        assert!(!fill_with(&mut tail, b"012345678"));
        assert!(fill_with(&mut tail, b"01234567"));
        commit(&mut tail, 8);
        assert_eq!(tail.free(), 0);
        assert!(!fill_with(&mut tail, b"x"));
        assert_eq!(consume(&mut head, 3), 3);
        assert!(fill_with(&mut tail, b"xyz"));
        Ok(())
    }

    #[test]
    fn rings_are_read_in_the_order_they_were_linked() -> Result {
        let (mut tail, mut head) = ring(4)?;

        for word in [&b"abcd"[..], b"efgh", b"", b"ijkl"] {
            assert!(fill_with(&mut tail, word));
            commit(&mut tail, word.len());
            tail.extend(4)?;
        }
        let mut bytes = [0; 16];
        assert_eq!(read(&head, &mut bytes), 12);
        assert_eq!(&bytes[..12], b"abcdefghijkl");
        assert_eq!(consume(&mut head, 6), 6);
        assert_eq!(read(&head, &mut bytes), 6);
        assert_eq!(&bytes[..6], b"ghijkl");
        assert_eq!(consume(&mut head, usize::MAX), 6);
        assert!(head.pieces().next().is_none());
        Ok(())
    }

    #[test]
    fn a_long_chain_is_dropped_without_recursion() -> Result {
        let (mut tail, head) = ring::<u8>(1)?;

        for _ in 0..2000 {
            tail.extend(1)?;
        }
        drop(head);
        assert!(fill_with(&mut tail, b"x"));
        Ok(())
    }

    #[test]
    fn a_small_ring_is_as_large_as_it_can_be() {
        assert_eq!(small::<u8>(), WITHIN);
        assert_eq!(small::<[u64; 3]>(), 4);
        assert_eq!(small::<[u8; WITHIN]>(), 1);
    }

    #[test]
    fn a_ring_is_twice_the_last_within_bounds() {
        let size = |len, last| size_for::<u8>(len, last, 256..=1024).ok();

        assert_eq!([size(1, 0), size(WITHIN, 0)], [Some(WITHIN); 2]);
        assert_eq!([size(WITHIN + 1, 0), size(1, 64)], [Some(256); 2]);
        assert_eq!([size(1, 256), size(300, 128)], [Some(512); 2]);
        assert_eq!([size(1, 1024), size(1, usize::MAX)], [Some(1024); 2]);
        assert_eq!([size(1025, 16), size(usize::MAX, 0)], [Some(2048), None]);
    }

    #[test]
    fn values_come_out_in_order_and_none_is_lost() -> Result {
        let probe = Arc::new((), GFP_KERNEL)?;
        let (mut tail, mut head) = ring::<(usize, Arc<()>)>(2)?;

        for n in 0..7 {
            if tail.room(1).is_none() {
                tail.extend(2)?;
            }
            let room = tail.room(1).ok_or(ENOMEM)?;
            room.put((n, probe.clone()));
        }
        for n in 0..3 {
            assert_eq!(head.nth(2).map(|value| value.0), Some(n + 2));
            assert_eq!(
                head.first().and_then(Front::take).map(|value| value.0),
                Some(n)
            );
        }
        assert_eq!(head.first().map(|first| first.len()), Some(1));
        assert_eq!(head.nth(0).map(|value| value.0), Some(3));
        // What nobody took goes with the rings.
        drop(head);
        drop(tail);
        assert!(Arc::into_unique_or_drop(probe).is_some());
        Ok(())
    }

    #[test]
    fn what_is_in_front_lies_in_one_ring() -> Result {
        let (mut tail, mut head) = ring::<u8>(4)?;

        assert!(fill_with(&mut tail, b"abc"));
        commit(&mut tail, 3);
        assert_eq!(head.front(4).pieces(), [&b"abc"[..], b""]);
        assert!(!head.front(4).is_left());
        tail.extend(8)?;
        assert!(fill_with(&mut tail, b"defg"));
        commit(&mut tail, 4);
        assert_eq!(head.front(4).pieces(), [&b"abc"[..], b""]);
        assert!(head.front(4).is_left());
        assert_eq!(consume(&mut head, 5), 5);
        assert_eq!(head.front(4).pieces(), [&b"fg"[..], b""]);
        Ok(())
    }
}
