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
        let mut copy = KVVec::new();
        let copied = copy.extend_from_slice(bytes, GFP_KERNEL);
        let place = RBTreeNodeReservation::new(GFP_KERNEL);
        let (Ok(()), Ok(place)) = (copied, place) else {
            return Err(NoRoom::NoMemory);
        };
        let message = Message {
            bytes: copy,
            aux,
            peeked: false,
        };
        let parcel = Parcel { message, place };
        records.try_push(parcel, LIMIT).map_err(|(why, _)| why)
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
            let incoming = records.try_read(None).map_err(|_| EAGAIN)?;
            assert_eq!(incoming.bytes(), bytes);
            let mut message = incoming.take().ok_or(EAGAIN)?;
            assert_eq!(*message.aux_mut(), aux);
        }
        assert!(records.is_empty());
        assert!(records.try_read(None).err() == Some(Empty::Yet));
        Ok(())
    }

    #[test]
    fn a_peek_may_begin_behind_whole_messages() -> Result {
        let records = records()?;

        assert!(send(&records, b"abc", 1) == Ok(()));
        assert!(send(&records, b"defg", 2) == Ok(()));
        for (skip, rest) in [(0, &b"abc"[..]), (2, b"c"), (3, b"defg"), (5, b"fg")] {
            let incoming = records.try_read(Some(skip)).map_err(|_| EAGAIN)?;
            assert_eq!(incoming.bytes(), rest);
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
}
