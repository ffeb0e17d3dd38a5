// SPDX-License-Identifier: GPL-2.0

//! The language of [`super`], from a text to its decisions.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_policy_rules)]
mod cases {
    use super::super::*;
    use kernel::prelude::*;
    use Operation::*;

    struct Given {
        uid: u64,
        peer: &'static [u8],
        len: u64,
        kind: u64,
    }

    const GIVEN: Given = Given {
        uid: 1000,
        peer: b"/run/a",
        len: 5,
        kind: 1,
    };

    impl Facts for Given {
        fn number(&self, key: Number) -> u64 {
            match key {
                Number::Uid => self.uid,
                Number::Len => self.len,
                Number::Type => self.kind,
                _ => 7,
            }
        }

        fn text(&self, key: Text) -> Result<&[u8], Unknown> {
            Ok(match key {
                Text::Peer => self.peer,
                Text::Name => b"",
                Text::Exe => b"/usr/bin/exe",
                Text::Cgroup => b"/",
            })
        }
    }

    fn compile(text: &[u8]) -> Result<Policy> {
        Policy::compile(text, [1, 2]).map_err(|_| EINVAL)
    }

    /// The line that decides, by the index and without it.
    fn line(text: &[u8], operation: Operation, given: &Given) -> Result<u32> {
        let policy = compile(text)?;
        let quick = policy.decide(operation, given).map_err(|_| EINVAL)?;
        let slow = policy.decide_slowly(operation, given);
        assert!(slow == Ok(quick));
        Ok(quick.line)
    }

    #[test]
    fn a_mistake_has_a_place() {
        let cases: [(&[u8], usize, usize); 24] = [
            (b"x", 1, 1),
            (b"\n\n  deny", 3, 7),
            (b"deny sendmsg,x", 1, 14),
            (b"deny sendmsg,", 1, 14),
            (b"deny:EAGAIN bind", 1, 6),
            (b"deny bind bind", 1, 11),
            (b"deny bind,bind", 1, 11),
            (b"deny bind uid", 1, 14),
            (b"deny bind uid=", 1, 15),
            (b"deny bind uid=4294967295", 1, 15),
            (b"deny bind uid=1-x", 1, 17),
            (b"deny bind uid=2-1", 1, 15),
            (b"deny bind uid=1x", 1, 16),
            (b"deny bind len=1", 1, 11),
            (b"deny bind peer=a", 1, 11),
            (b"deny bind name=\"a", 1, 18),
            (b"deny bind name=\\q", 1, 16),
            (b"deny bind name=", 1, 16),
            (b"deny bind type=raw", 1, 16),
            (b"drop sendmsg", 1, 1),
            (b"drop recvmsg type=dgram", 1, 6),
            (b"default drop", 1, 9),
            (b"default deny\ndefault allow bind", 2, 15),
            (b"deny bind\x01", 1, 10),
        ];

        for (text, line, column) in cases {
            match Policy::compile(text, [1, 2]) {
                Err(Refusal::Mistake(found)) => {
                    assert_eq!((found.line, found.column), (line, column));
                }
                _ => assert!(text.is_empty()),
            }
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() -> Result {
        let text = b"allow sendmsg uid=1\ndeny sendmsg uid=1000\nallow *\n";

        assert_eq!(line(text, Sendmsg, &GIVEN)?, 2);
        assert_eq!(line(text, Bind, &GIVEN)?, 3);
        assert_eq!(line(b"# nothing\n", Bind, &GIVEN)?, 0);
        assert_eq!(line(b"default deny bind", Bind, &GIVEN)?, 1);
        assert_eq!(line(b"default deny bind", Listen, &GIVEN)?, 0);
        Ok(())
    }

    #[test]
    fn each_condition_counts() -> Result {
        let cases: [(&[u8], bool); 20] = [
            (b"uid=1000", true),
            (b"uid=1,2,900-1100", true),
            (b"uid=-999", false),
            (b"uid=1000-", true),
            (b"uid!=1000", false),
            (b"uid!=1,2", true),
            (b"len=5", true),
            (b"len=6-", false),
            (b"type=stream", true),
            (b"type=dgram,seqpacket", false),
            (b"peer=/run/a", true),
            (b"peer=/run/?", true),
            (b"peer=*/a", true),
            (b"peer=/run/b*", false),
            (b"peer=\"/run/a\"", true),
            (b"peer=/run/\\x61", true),
            (b"peer=@*", false),
            (b"name=\"\"", true),
            (b"exe=/usr/bin/* cgroup=/", true),
            (b"exe=/usr/bin/* cgroup=/a", false),
        ];

        for (condition, expected) in cases {
            let mut text = KVec::new();
            text.extend_from_slice(b"deny sendmsg ", GFP_KERNEL)?;
            text.extend_from_slice(condition, GFP_KERNEL)?;
            let line = line(&text, Sendmsg, &GIVEN)?;
            assert_eq!(line, u32::from(expected));
        }
        Ok(())
    }

    #[test]
    fn a_star_means_what_can_have_the_conditions() -> Result {
        let text = b"deny * peer=/run/a\n";

        assert_eq!(line(text, Connect, &GIVEN)?, 1);
        assert_eq!(line(text, Bind, &GIVEN)?, 0);
        Ok(())
    }

    #[test]
    fn an_abstract_name_is_written_with_an_at() -> Result {
        let given = Given {
            peer: b"\0a\0b",
            ..GIVEN
        };

        assert_eq!(line(b"deny connect peer=@a\\x00b", Connect, &given)?, 1);
        assert_eq!(line(b"deny connect peer=@a?b", Connect, &given)?, 1);
        assert_eq!(line(b"deny connect peer=\\@a*", Connect, &given)?, 0);
        Ok(())
    }

    #[test]
    fn the_text_is_limited() -> Result {
        let long = KVVec::from_elem(b'\n', TEXT_MAX + 1, GFP_KERNEL)?;

        assert!(compile(&long).is_err());
        assert!(compile(&long[1..]).is_ok());
        Ok(())
    }
}
