// SPDX-License-Identifier: GPL-2.0

//! The queue of [`super`]: memory, limits, and the end.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_queue_stream)]
mod cases {
    use super::super::*;
    use kernel::sync::Arc;

    const LIMIT: usize = 1 << 18;

    fn stream() -> Result<Arc<Stream>> {
        Arc::pin_init(Stream::new(), GFP_KERNEL)
    }

    /// Sends `bytes`, as far as there is room; returns how many were taken.
    fn send(stream: &Stream, bytes: &[u8], limit: usize) -> Result<usize, NoRoom> {
        let mut room = stream.try_reserve(bytes.len(), limit)?;
        let len = room.len;
        if let Some(tail) = &mut *room.tx {
            tail.write_slice(&bytes[..len]);
        }
        Ok(room.commit())
    }

    fn receive(stream: &Stream, len: usize) -> Result<usize, Empty> {
        let incoming = stream.try_read()?;
        incoming.consume(len);
        Ok(len)
    }

    #[test]
    fn an_empty_queue_has_no_memory() -> Result {
        let stream = stream()?;

        assert!(stream.tx.lock().is_none());
        assert!(stream.try_read().err() == Some(Empty::Yet));
        assert!(send(&stream, &[1; 64], LIMIT) == Ok(64));
        assert!(stream.tx.lock().is_some());
        assert_eq!(stream.len(), 64);
        Ok(())
    }

    #[test]
    fn a_large_ring_goes_when_it_is_empty() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, 2 * KEEP, GFP_KERNEL)?;

        assert!(send(&stream, &bytes, LIMIT) == Ok(2 * KEEP));
        assert!(receive(&stream, 2 * KEEP - 1).is_ok());
        assert!(stream.rx.lock().is_some());
        assert!(receive(&stream, 1).is_ok());
        assert!(stream.tx.lock().is_none());
        assert!(stream.rx.lock().is_none());

        // A small one stays for the next message.
        assert!(send(&stream, b"x", LIMIT) == Ok(1));
        assert!(receive(&stream, 1).is_ok());
        assert!(stream.tx.lock().is_some());
        Ok(())
    }

    #[test]
    fn the_limit_counts_payload() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, ATOMIC, GFP_KERNEL)?;

        for _ in 0..2 {
            assert!(send(&stream, &bytes, 2 * ATOMIC + 10) == Ok(ATOMIC));
        }
        assert_eq!(stream.len(), 2 * ATOMIC);
        assert!(send(&stream, &bytes[..10], 2 * ATOMIC + 10) == Ok(10));
        assert!(send(&stream, b"x", 2 * ATOMIC + 10) == Err(NoRoom::Full));
        assert!(send(&stream, b"x", 0) == Err(NoRoom::Full));
        Ok(())
    }

    #[test]
    fn a_small_write_is_not_split() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, 2 * ATOMIC, GFP_KERNEL)?;

        let limit = 2 * ATOMIC;
        assert!(send(&stream, &bytes[..ATOMIC + 1], limit) == Ok(ATOMIC + 1));
        assert!(send(&stream, &bytes[..ATOMIC], limit) == Err(NoRoom::Full));
        stream.discard();

        // Where a quarter of the limit is in use, something is taken.
        assert!(send(&stream, &bytes[..ATOMIC / 4], ATOMIC) == Ok(ATOMIC / 4));
        assert!(send(&stream, &bytes, ATOMIC) == Ok(ATOMIC - ATOMIC / 4));
        stream.discard();

        // A larger one takes what is there, if that is worth it.
        assert!(send(&stream, b"0123456789", limit) == Ok(10));
        assert!(send(&stream, &bytes, limit) == Ok(limit - 10));
        Ok(())
    }

    #[test]
    fn what_is_queued_outlives_the_end() -> Result {
        let stream = stream()?;

        assert!(send(&stream, b"last", LIMIT) == Ok(4));
        stream.shut();
        assert!(send(&stream, b"x", LIMIT) == Err(NoRoom::Shut));
        assert!(receive(&stream, 4).is_ok());
        assert!(stream.try_read().err() == Some(Empty::Shut));
        Ok(())
    }

    #[test]
    fn what_is_not_committed_is_gone() -> Result {
        let stream = stream()?;

        drop(stream.try_reserve(10, LIMIT).map_err(|_| EAGAIN)?);
        assert!(stream.try_read().err() == Some(Empty::Yet));
        assert_eq!(stream.len(), 0);
        assert!(send(&stream, b"next", LIMIT) == Ok(4));
        let incoming = stream.try_read().map_err(|_| EAGAIN)?;
        assert_eq!(incoming.bytes(), [&b"next"[..], &b""[..]]);
        Ok(())
    }

    #[test]
    fn discard_leaves_nothing() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, LARGEST, GFP_KERNEL)?;

        for _ in 0..3 {
            assert!(send(&stream, &bytes, LIMIT) == Ok(LARGEST));
        }
        stream.discard();
        assert_eq!(stream.len(), 0);
        assert!(stream.tx.lock().is_none());
        Ok(())
    }
}
