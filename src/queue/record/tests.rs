// SPDX-License-Identifier: GPL-2.0

//! The queue of [`super`]: order, limits, and what a peek sees.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_queue_record)]
mod cases {
    use super::super::*;
    use kernel::sync::Arc;

    const LIMIT: usize = 1 << 12;

    fn records() -> Result<Arc<Records<u32>>> {
        Arc::pin_init(Records::new(), GFP_KERNEL)
    }

    fn send(records: &Records<u32>, bytes: &[u8], aux: u32) -> Result<(), NoRoom> {
        let mut room = records.try_reserve(bytes.len(), LIMIT, || {})?;
        assert!(room.fill_with(bytes));
        room.commit(aux, aux == 2);
        Ok(())
    }

    #[test]
    fn messages_come_out_as_they_went_in() -> Result {
        let records = records()?;

        assert!(send(&records, b"one", 1) == Ok(()));
        assert!(send(&records, b"", 2) == Ok(()));
        assert!(send(&records, b"three", 3) == Ok(()));
        assert_eq!(records.bytes(), 8);
        assert_eq!(records.first_len(), 3);
        for (bytes, aux) in [(&b"one"[..], 1), (b"", 2), (b"three", 3)] {
            let mut incoming = records.try_read(None).map_err(|_| EAGAIN)?;
            assert_eq!(incoming.bytes(), [bytes, &[]]);
            let slot = incoming.take().ok_or(EAGAIN)?;
            assert_eq!(*slot.aux(), aux);
            assert_eq!(slot.mark(), aux == 2);
        }
        assert!(records.is_empty());
        assert!(records.try_read(None).err() == Some(Empty::Yet));
        Ok(())
    }

    #[test]
    fn what_is_committed_when_the_reader_has_gone_goes_too() -> Result {
        let records = records()?;
        let room = records.try_reserve(1, LIMIT, || {});
        let mut room = room.map_err(|_| EAGAIN)?;

        assert!(room.fill_with(b"a"));
        // Between the sender's look at the end and its message.
        records.abandon();
        room.commit(1, false);
        assert!(records.is_empty());
        Ok(())
    }

    #[test]
    fn a_peek_may_begin_behind_whole_messages() -> Result {
        let records = records()?;

        assert!(send(&records, b"abc", 1) == Ok(()));
        assert!(send(&records, b"defg", 2) == Ok(()));
        for (skip, rest) in [(0, &b"abc"[..]), (2, b"c"), (3, b"defg"), (5, b"fg")] {
            let mut incoming = records.try_read(Some(skip)).map_err(|_| EAGAIN)?;
            assert_eq!(incoming.bytes(), [rest, &[]]);
        }
        assert!(records.try_read(Some(7)).is_err());
        Ok(())
    }

    #[test]
    fn what_is_queued_outlives_the_end() -> Result {
        let records = records()?;

        assert!(send(&records, b"last", 1) == Ok(()));
        records.shut();
        assert!(send(&records, b"x", 2) == Err(NoRoom::Shut));
        assert!(records.try_read(None).is_ok());
        records.discard();
        assert!(records.try_read(None).err() == Some(Empty::Shut));
        assert_eq!(records.bytes(), 0);
        Ok(())
    }

    #[test]
    fn a_full_queue_takes_no_more() -> Result {
        let records = records()?;

        for _ in 0..4 {
            assert!(send(&records, &[1; LIMIT / 4], 1) == Ok(()));
        }
        assert!(send(&records, b"x", 2) == Err(NoRoom::Full));
        Ok(())
    }

    #[test]
    fn memory_that_was_not_used_for_a_while_goes() -> Result {
        let records = records()?;
        let mut grown = false;
        let mut room = records
            .try_reserve(BYTES_MIN + 1, LIMIT, || grown = true)
            .map_err(|_| ENOMEM)?;

        assert!(room.fill_with(&[1; BYTES_MIN + 1]));
        room.commit(1, false);
        assert!(grown);
        assert!(records.trim() && records.trim());
        records.discard();
        // Nothing came since the last look, and nothing is there.
        assert!(!records.trim());
        assert!(send(&records, b"x", 1) == Ok(()));
        assert!(!records.trim());
        Ok(())
    }
}
