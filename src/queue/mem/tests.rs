// SPDX-License-Identifier: GPL-2.0

//! The rings of [`super`], end to end.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_queue_mem)]
mod cases {
    use super::super::*;

    fn read(head: &Head, to: &mut [u8]) -> usize {
        let mut len = 0;
        for piece in head.pieces() {
            to[len..len + piece.len()].copy_from_slice(piece);
            len += piece.len();
        }
        len
    }

    #[test]
    fn nothing_shows_before_it_is_committed() -> Result {
        let (mut tail, head) = ring(16)?;

        assert_eq!(tail.write_slice(b"abc"), 3);
        assert!(head.pieces().next().is_none());
        assert_eq!(tail.written(), [&b"abc"[..], &b""[..]]);
        tail.abort();
        assert_eq!(tail.commit(), 0);
        assert_eq!(tail.write_slice(b"def"), 3);
        assert_eq!(tail.commit(), 3);

        let mut bytes = [0; 16];
        let len = read(&head, &mut bytes);
        assert_eq!(&bytes[..len], b"def");
        Ok(())
    }

    #[test]
    fn bytes_keep_their_order_around_the_ring() -> Result {
        let (mut tail, mut head) = ring(16)?;
        let (mut sent, mut received) = (0u8, 0u8);

        for round in 0..200usize {
            let len = (round * 7) % 17;
            let mut bytes = [0; 16];
            for byte in &mut bytes[..len] {
                *byte = sent;
                sent = sent.wrapping_add(1);
            }
            assert_eq!(tail.free(), 16);
            assert_eq!(tail.write_slice(&bytes[..len]), len);
            assert_eq!(tail.commit(), len);
            assert_eq!(tail.used(), len);

            let mut got = [0; 16];
            assert_eq!(read(&head, &mut got), len);
            for byte in &got[..len] {
                assert_eq!(*byte, received);
                received = received.wrapping_add(1);
            }
            assert_eq!(head.consume(len), len);
        }
        Ok(())
    }

    #[test]
    fn a_full_ring_takes_no_more() -> Result {
        let (mut tail, mut head) = ring(8)?;

        assert_eq!(tail.write_slice(b"0123456789"), 8);
        assert_eq!(tail.free(), 0);
        assert_eq!(tail.commit(), 8);
        assert_eq!(tail.write_slice(b"x"), 0);
        assert_eq!(head.consume(3), 3);
        assert_eq!(tail.write_slice(b"xyz!"), 3);
        Ok(())
    }

    #[test]
    fn rings_are_read_in_the_order_they_were_linked() -> Result {
        let (mut tail, mut head) = ring(4)?;

        for word in [&b"abcd"[..], b"efgh", b"", b"ijkl"] {
            assert_eq!(tail.write_slice(word), word.len());
            tail.commit();
            tail.extend(4)?;
        }
        let mut bytes = [0; 16];
        assert_eq!(read(&head, &mut bytes), 12);
        assert_eq!(&bytes[..12], b"abcdefghijkl");
        assert_eq!(head.consume(6), 6);
        assert_eq!(read(&head, &mut bytes), 6);
        assert_eq!(&bytes[..6], b"ghijkl");
        assert_eq!(head.consume(usize::MAX), 6);
        assert!(head.pieces().next().is_none());
        Ok(())
    }

    #[test]
    fn a_long_chain_is_dropped_without_recursion() -> Result {
        let (mut tail, head) = ring(1)?;

        for _ in 0..2000 {
            tail.extend(1)?;
        }
        drop(head);
        assert_eq!(tail.write_slice(b"x"), 1);
        Ok(())
    }
}
