// SPDX-License-Identifier: GPL-2.0

//! What goes with the bytes of a stream.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_queue_marks)]
mod cases {
    use super::super::{super::super::marks::Tag, *};

    /// Sends one byte with a mark.
    fn send_marked(
        stream: &Numbered,
        byte: u8,
        aux: impl Into<Option<u32>>,
        urgent: bool,
    ) -> Result {
        let mut room = stream
            .try_reserve(1, LIMIT, false, || {})
            .map_err(|_| EAGAIN)?;
        room.fill_with(&[byte]);
        room.commit(&mut Some(Tag::new(aux.into(), urgent)))?;
        Ok(())
    }

    #[test]
    fn what_is_committed_when_the_reader_has_gone_goes_too() -> Result {
        let stream = stream()?;
        let room = stream.try_reserve(1, LIMIT, false, || {});
        let mut room = room.map_err(|_| EAGAIN)?;

        room.fill_with(b"a");
        // Between the writer's look at the end and its mark.
        stream.abandon();
        assert!(room.commit(&mut Some(Tag::new(Some(7), false))) == Ok(1));
        assert_eq!(stream.marked.load(Relaxed), 0);
        assert!(stream.is_empty());
        Ok(())
    }

    #[test]
    fn a_mark_is_found_at_its_bytes() -> Result {
        let stream = stream()?;

        assert!(send(&stream, b"ab", LIMIT) == Ok(2));
        send_marked(&stream, b'c', 7, false)?;
        assert!(send(&stream, b"de", LIMIT) == Ok(2));
        let mut incoming = stream.read();
        for (len, mark) in [(2, None), (1, Some(7)), (2, None)] {
            let Next::Bytes(span) = incoming.next(None, READ) else {
                return Err(EINVAL);
            };
            assert_eq!(span.len(), len);
            assert_eq!(incoming.aux(span, |aux| aux.copied()), mark);
            incoming.consume(span);
        }
        Ok(())
    }

    #[test]
    fn the_memory_of_a_mark_is_for_the_next() -> Result {
        let stream = stream()?;
        let spare = || stream.marks.lock().take_spare();

        send_marked(&stream, b'a', 1, false)?;
        send_marked(&stream, b'b', 2, false)?;
        assert!(spare().is_none());
        assert!(receive(&stream, 2).is_ok());
        let place = spare().ok_or(EINVAL)?;
        stream.marks.lock().keep(place);
        send_marked(&stream, b'c', 3, false)?;
        assert!(spare().is_none());
        Ok(())
    }

    #[test]
    fn marks_that_say_the_same_are_one() -> Result {
        let stream = stream()?;

        for aux in [1, 1, 1, 2, 1] {
            send_marked(&stream, b'x', aux, false)?;
        }
        assert_eq!(stream.marked.load(Relaxed), 3);
        let mut incoming = stream.read();
        for (len, mark) in [(3, 1), (1, 2), (1, 1)] {
            let Next::Bytes(span) = incoming.next(None, READ) else {
                return Err(EINVAL);
            };
            assert_eq!(span.len(), len);
            assert_eq!(incoming.aux(span, |aux| aux.copied()), Some(mark));
            incoming.consume(span);
        }
        assert_eq!(stream.marked.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn marks_have_a_limit() -> Result {
        let stream = stream()?;

        for aux in 0..16 {
            send_marked(&stream, b'x', aux, false)?;
        }
        assert!(send(&stream, b"x", 1 << 11) == Err(NoRoom::Full));
        assert!(send(&stream, b"x", LIMIT) == Ok(1));
        Ok(())
    }

    #[test]
    fn an_urgent_byte_leaves_a_hole() -> Result {
        let stream = stream()?;

        assert!(send(&stream, b"a", LIMIT) == Ok(1));
        send_marked(&stream, b'!', 1, true)?;
        assert!(stream.is_urgent());
        assert_eq!(stream.bytes(), 2);
        let mut incoming = stream.read();
        let byte = incoming.urgent().ok_or(EINVAL)?;
        assert_eq!(incoming.bytes(byte), [&b"!"[..], &b""[..]]);
        incoming.take_urgent(byte);
        drop(incoming);
        assert!(!stream.is_urgent());
        assert_eq!(stream.bytes(), 1);
        assert!(!stream.read().is_at_mark());
        assert!(receive(&stream, 1).is_ok());
        assert!(stream.read().is_at_mark());
        assert!(empty(&stream) == Some(Empty::Yet));
        assert!(!stream.has_holes_only());
        Ok(())
    }

    #[test]
    fn a_newer_urgent_byte_makes_the_older_one_plain() -> Result {
        let stream = stream()?;

        send_marked(&stream, b'1', 1, true)?;
        send_marked(&stream, b'2', 2, true)?;
        let mut incoming = stream.read();
        let Next::Bytes(span) = incoming.next(None, READ) else {
            return Err(EINVAL);
        };
        assert_eq!(incoming.bytes(span), [&b"1"[..], &b""[..]]);
        let after = Look {
            has_bytes: true,
            ..READ
        };
        assert!(matches!(incoming.next(Some(span), after), Next::Stop));
        Ok(())
    }

    #[test]
    fn an_urgent_byte_that_a_newer_one_overtakes_leaves_its_hole() -> Result {
        let stream = stream()?;

        send_marked(&stream, b'1', 1, true)?;
        let byte = stream.read().urgent().ok_or(EINVAL)?;
        send_marked(&stream, b'2', 2, true)?;
        let mut incoming = stream.read();
        incoming.take_urgent(byte);
        assert!(stream.is_urgent());
        let newer = incoming.urgent().ok_or(EINVAL)?;
        assert_eq!(incoming.bytes(newer), [&b"2"[..], &b""[..]]);
        incoming.take_urgent(newer);
        drop(incoming);
        assert!(empty(&stream) == Some(Empty::Yet));
        assert!(!stream.is_urgent());
        Ok(())
    }

    #[test]
    fn an_urgent_byte_alone_needs_no_memory() -> Result {
        let asks_for_memory = |aux: Option<u32>, urgent, marked| -> Result<bool> {
            let mut asks = false;
            Tag::new(aux, urgent).reserve(marked, || {
                asks = true;
                None
            })?;
            Ok(asks)
        };

        assert!(!asks_for_memory(None, true, 0)?);
        assert!(asks_for_memory(None, true, 1)?);
        assert!(asks_for_memory(Some(1), true, 0)?);
        assert!(asks_for_memory(Some(1), false, 0)?);
        Ok(())
    }

    #[test]
    fn an_urgent_byte_alone_is_one_as_any() -> Result {
        let stream = stream()?;
        let send_urgent = |byte| send_marked(&stream, byte, None::<u32>, true);

        assert!(send(&stream, b"a", LIMIT) == Ok(1));
        send_urgent(b'1')?;
        let mut incoming = stream.read();
        let byte = incoming.urgent().ok_or(EINVAL)?;
        incoming.take_urgent(byte);
        drop(incoming);
        // The hole is there still: these two are among the others.
        send_urgent(b'2')?;
        send_marked(&stream, b'b', 7, false)?;
        assert_eq!(stream.marked.load(Relaxed), 3);
        assert_eq!(stream.bytes(), 3);
        assert!(receive(&stream, 1).is_ok());
        assert!(stream.read().is_at_mark());
        let mut incoming = stream.read();
        let Next::Bytes(span) = incoming.next(None, READ) else {
            return Err(EINVAL);
        };
        assert_eq!(incoming.bytes(span), [&b"b"[..], &b""[..]]);
        assert_eq!(incoming.aux(span, |aux| aux.copied()), Some(7));
        incoming.consume(span);
        drop(incoming);
        assert_eq!(stream.marked.load(Relaxed), 0);
        assert!(!stream.is_urgent());
        Ok(())
    }

    #[test]
    fn an_urgent_byte_is_none_before_it_is_there() -> Result {
        let stream = stream()?;

        assert!(send(&stream, b"a", LIMIT) == Ok(1));
        let mut tag = Tag::new(Some(1), true);
        tag.reserve(0, || None)?;
        stream.with_marks(|marks| marks.push(tag, 1, 2));
        assert!(stream.read().urgent().is_none());
        assert!(send(&stream, b"!", LIMIT) == Ok(1));
        assert!(stream.read().urgent().is_some());
        Ok(())
    }
}
