// SPDX-License-Identifier: GPL-2.0

//! The queue of [`super`]: memory, limits, and the end.

use super::{super::marks::Look, *};
use kernel::{macros::kunit_tests, sync::Arc};

mod marks;

impl Merge for u32 {
    fn merges(&self, other: &u32) -> bool {
        self == other
    }
}

type Numbered = Stream<u32>;

const READ: Look = Look {
    has_bytes: false,
    peek: false,
    inline: false,
};

const LIMIT: usize = 1 << 18;

fn stream() -> Result<Arc<Numbered>> {
    Arc::pin_init(Numbered::new(), GFP_KERNEL)
}

/// Sends `bytes`, as far as there is room; returns how many were taken.
fn send(stream: &Numbered, bytes: &[u8], limit: usize) -> Result<usize, NoRoom> {
    let mut room = stream.try_reserve(bytes.len(), limit, false, || {})?;
    let len = room.len();
    room.fill_with(&bytes[..len]);
    room.commit(&mut None).map_err(|_| NoRoom::Shut)
}

fn receive(stream: &Numbered, len: usize) -> Result<usize, Empty> {
    let mut left = len;
    while left > 0 {
        let mut incoming = stream.read();
        let span = match incoming.next(None, READ) {
            Next::Bytes(span) => span.first(left),
            Next::Empty(why) => return Err(why),
            Next::Stop => break,
        };
        left -= span.len();
        incoming.consume(span);
    }
    Ok(len)
}

/// Why there is nothing.
fn empty(stream: &Numbered) -> Option<Empty> {
    match stream.read().next(None, READ) {
        Next::Empty(why) => Some(why),
        _ => None,
    }
}

#[kunit_tests(qsock_queue_stream)]
mod cases {
    use super::{
        super::{
            super::{marks::Tag, mem},
            memory::KEEP, //
        },
        *, //
    };

    #[test]
    fn nothing_is_committed_once_it_is_shut() -> Result {
        let stream = stream()?;
        let mut tag = Some(Tag::new(Some(7), false));
        let mut room = stream
            .try_reserve(1, LIMIT, false, || {})
            .map_err(|_| EAGAIN)?;

        room.fill_with(b"a");
        stream.shut();
        assert!(room.commit(&mut tag) == Err(EPIPE));
        assert!(tag.is_some());
        assert!(empty(&stream) == Some(Empty::Shut));
        Ok(())
    }

    #[test]
    fn a_large_queue_is_one_ring_and_moves_in_steps() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, STEP, GFP_KERNEL)?;
        let size = || stream.tx.lock().as_ref().map(Tail::size);

        assert!(send(&stream, &bytes, LIMIT) == Ok(STEP));
        assert!(size() == Some(STEP));
        for _ in 1..LIMIT / STEP {
            assert!(send(&stream, &bytes, LIMIT) == Ok(STEP));
        }
        let grown = size();
        assert!(grown.is_some_and(|size| size <= 2 * LIMIT));
        for _ in 0..2 * LIMIT / STEP {
            let Next::Bytes(span) = stream.read().next(None, READ) else {
                return Err(EINVAL);
            };
            assert_eq!(span.len(), STEP);
            assert!(receive(&stream, STEP).is_ok());
            assert!(send(&stream, &bytes, LIMIT) == Ok(STEP));
        }
        assert!(size() == grown);
        assert!(stream.is_plain());
        stream.discard();
        assert!(size().is_none());
        assert!(stream.flags.load(Relaxed) == 0);
        Ok(())
    }

    #[test]
    fn an_empty_queue_has_no_memory() -> Result {
        let stream = stream()?;

        assert!(stream.tx.lock().is_none());
        assert!(empty(&stream) == Some(Empty::Yet));
        assert!(send(&stream, &[1; 64], LIMIT) == Ok(64));
        assert!(stream.tx.lock().is_some());
        assert_eq!(stream.bytes(), 64);
        Ok(())
    }

    #[test]
    fn memory_that_was_not_used_for_a_while_goes() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, 2 * KEEP, GFP_KERNEL)?;

        assert!(send(&stream, &bytes, LIMIT) == Ok(2 * KEEP));
        assert!(stream.trim() && stream.trim());
        assert!(receive(&stream, 2 * KEEP).is_ok());
        // Nothing came since the last look, and nothing is there.
        assert!(!stream.trim());
        assert!(stream.tx.lock().is_none());
        assert!(stream.rx.lock().is_none());

        // A small one stays for the next message.
        assert!(send(&stream, b"x", LIMIT) == Ok(1));
        assert!(receive(&stream, 1).is_ok());
        assert!(!stream.trim() && !stream.trim());
        assert!(stream.tx.lock().is_some());
        Ok(())
    }

    #[test]
    fn few_bytes_take_a_small_ring() -> Result {
        let stream = stream()?;
        let size = || stream.tx.lock().as_ref().map_or(0, Tail::size);
        let few = mem::small::<u8>();
        let bytes = KVec::from_elem(7, few + 1, GFP_KERNEL)?;

        assert!(send(&stream, &bytes[..few], LIMIT) == Ok(few));
        assert_eq!(size(), few);
        // One more does not fit beside them.
        assert!(send(&stream, b"x", LIMIT) == Ok(1));
        assert_eq!(size(), KEEP);
        assert!(receive(&stream, few + 1).is_ok());
        assert!(empty(&stream) == Some(Empty::Yet));

        stream.discard();
        assert!(send(&stream, &bytes, LIMIT) == Ok(few + 1));
        assert_eq!(size(), KEEP);
        Ok(())
    }

    #[test]
    fn the_limit_counts_payload() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, ATOMIC, GFP_KERNEL)?;

        for _ in 0..2 {
            assert!(send(&stream, &bytes, 2 * ATOMIC + 10) == Ok(ATOMIC));
        }
        assert_eq!(stream.bytes(), 2 * ATOMIC);
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
        assert!(empty(&stream) == Some(Empty::Shut));
        Ok(())
    }

    #[test]
    fn what_is_not_committed_is_gone() -> Result {
        let stream = stream()?;

        drop(
            stream
                .try_reserve(10, LIMIT, false, || {})
                .map_err(|_| EAGAIN)?,
        );
        assert!(empty(&stream) == Some(Empty::Yet));
        assert_eq!(stream.bytes(), 0);
        assert!(send(&stream, b"next", LIMIT) == Ok(4));
        let mut incoming = stream.read();
        let Next::Bytes(span) = incoming.next(None, READ) else {
            return Err(EINVAL);
        };
        assert_eq!(incoming.bytes(span), [&b"next"[..], &b""[..]]);
        Ok(())
    }

    #[test]
    fn discard_leaves_nothing() -> Result {
        let stream = stream()?;
        let bytes = KVec::from_elem(7, STEP, GFP_KERNEL)?;

        for _ in 0..3 {
            assert!(send(&stream, &bytes, LIMIT) == Ok(STEP));
        }
        stream.discard();
        assert_eq!(stream.bytes(), 0);
        assert!(stream.tx.lock().is_none());
        Ok(())
    }
}
