// SPDX-License-Identifier: GPL-2.0

//! The names of [`super`]: what an address means, and how autobind ends.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_names)]
mod cases {
    use super::super::*;

    const FAMILY: u16 = 18;

    fn parse(family: u16, name: &[u8]) -> Result<Option<Name>> {
        let mut addr = KVec::with_capacity(2 + name.len(), GFP_KERNEL)?;
        addr.extend_from_slice(&family.to_ne_bytes(), GFP_KERNEL)?;
        addr.extend_from_slice(name, GFP_KERNEL)?;
        Ok(NameRef::parse(Address::new(&addr), FAMILY)?.map(Name::from))
    }

    #[test]
    fn an_address_means_one_name() -> Result {
        let longest = [b'x'; 108];
        let mut terminated = [b'x'; 109];
        terminated[108] = 0;
        let cases: [(&[u8], &[u8]); 7] = [
            (b"a", b"a\0"),
            (b"a\0", b"a\0"),
            (b"a\0b", b"a\0"),
            (&longest, &terminated),
            (b"\0", b"\0"),
            (b"\0a\0b", b"\0a\0b"),
            (b"\0a\0", b"\0a\0"),
        ];

        for (given, meant) in cases {
            let name = parse(FAMILY, given)?.ok_or(EINVAL)?;
            assert_eq!(name.as_bytes(), meant);
        }
        Ok(())
    }

    #[test]
    fn the_family_alone_is_no_name() -> Result {
        assert!(parse(FAMILY, b"")?.is_none());
        Ok(())
    }

    #[test]
    fn a_bad_address_is_refused() {
        assert_eq!(parse(FAMILY, &[b'x'; 109]).err(), Some(EINVAL));
        assert_eq!(parse(FAMILY + 1, b"a").err(), Some(EINVAL));
        let bad = |addr| NameRef::parse(Address::new(addr), FAMILY).err();
        assert_eq!(bad(b""), Some(EINVAL));
        assert_eq!(bad(b"x"), Some(EINVAL));
    }

    #[test]
    fn types_share_path_names_only() -> Result {
        let path = parse(FAMILY, b"p")?.ok_or(EINVAL)?;
        let other = parse(FAMILY, b"\0p")?.ok_or(EINVAL)?;

        let find = |kind, name| Key::new(kind, NameRef::from(name));

        assert!(Key::own(1, path) == find(2, &path));
        assert!(Key::own(1, other) != find(2, &other));
        assert!(Key::own(1, other) == find(1, &other));
        assert!(Key::own(1, path) != find(1, &other));
        Ok(())
    }

    #[test]
    fn autobind_names_are_five_digits() -> Result {
        assert_eq!(Name::autobind(0xabcd)?.as_bytes(), b"\x000abcd");
        assert_eq!(Name::autobind(AUTOBIND_NAMES - 1)?.as_bytes(), b"\0fffff");
        Ok(())
    }

    #[test]
    fn autobind_ends_with_the_names() -> Result {
        let names = KBox::pin_init(Names::<()>::new(), GFP_KERNEL)?;
        let autobind = |kind| names.autobind_among(3, kind, |name| Access::new(name, 0o777));
        // One that somebody chose counts too.
        let name = Name::autobind(1)?;
        let chosen = names.bind(1, name, Access::new(NameRef::from(&name), 0o777))?;
        let first = autobind(1)?;
        let second = autobind(1)?;

        assert_eq!(first.name().as_bytes(), b"\x0000000");
        assert_eq!(second.name().as_bytes(), b"\x0000002");
        assert_eq!(autobind(1).err(), Some(ENOSPC));
        // Each type has its own.
        for _ in 0..3 {
            autobind(2)?;
        }
        assert_eq!(autobind(2).err(), Some(ENOSPC));
        // What is free again can be chosen again.
        names.unbind(&chosen);
        assert_eq!(autobind(1)?.name().as_bytes(), b"\x0000001");
        names.unbind(&first);
        assert_eq!(autobind(1)?.name().as_bytes(), b"\x0000000");
        assert_eq!(autobind(1).err(), Some(ENOSPC));
        Ok(())
    }
}
