// SPDX-License-Identifier: GPL-2.0

//! What hooks are told of an operation: who acts, on which socket, with which
//! message. All of it can only be read.

use crate::net::{msg::MsgFlags, task};
use core::cell::OnceCell;
use kernel::prelude::*;

/// The most bytes that [`Message::head`] shows.
pub(crate) const HEAD_MAX: usize = 64;

/// The acting task: what is dear to find is found when it is asked for, once.
#[derive(Default)]
pub(crate) struct Subject {
    exe: OnceCell<KVec<u8>>,
    cgroup: OnceCell<KVec<u8>>,
}

/// What `find` finds, kept in `cell`.
fn once(cell: &OnceCell<KVec<u8>>, find: impl FnOnce() -> Result<KVec<u8>>) -> Result<&[u8]> {
    if cell.get().is_none() {
        // Nobody else can have set it meanwhile.
        let _ = cell.set(find()?);
    }
    Ok(cell.get().map(|path| &**path).unwrap_or_default())
}

impl Subject {
    /// The effective user, in the initial user namespace.
    pub(crate) fn uid(&self) -> u32 {
        task::euid()
    }

    /// The effective group, likewise.
    pub(crate) fn gid(&self) -> u32 {
        task::egid()
    }

    /// The process, in the initial pid namespace.
    pub(crate) fn pid(&self) -> i32 {
        task::tgid()
    }

    /// The path of the program, as /proc/self/exe shows it. Sleeps.
    pub(crate) fn exe(&self) -> Result<&[u8]> {
        once(&self.exe, task::exe_path)
    }

    /// The path of the cgroup in the unified hierarchy. Sleeps.
    pub(crate) fn cgroup(&self) -> Result<&[u8]> {
        once(&self.cgroup, task::cgroup_path)
    }
}

/// The socket that the operation is on, and the other end of its connection, or
/// where a datagram goes or comes from. All of it is found when it is asked for.
pub(crate) trait Object {
    /// `SOCK_STREAM` and so on.
    fn kind(&self) -> u16;

    /// The number of its network namespace.
    fn netns(&self) -> u32;

    /// Its name, or the one that it is to have, as it was bound; empty if there is
    /// none.
    fn name(&self) -> &[u8];

    /// The name of the other end.
    fn peer_name(&self) -> &[u8] {
        &[]
    }

    /// User and group of the other end, if there is one: of who connected,
    /// listened, or made the pair; of a datagram socket, of who made it.
    fn peer_ids(&self) -> Option<(u32, u32)> {
        None
    }
}

/// A name without the NUL that ends one which does not start with one.
fn plain(name: &[u8]) -> &[u8] {
    match name {
        [0, ..] => name,
        [path @ .., 0] => path,
        _ => name,
    }
}

/// A message, as hooks see it: in kernel memory, where the sender cannot change
/// it any more and no receiver sees it yet.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pieces: [&'a [u8]; 2],
    flags: MsgFlags,
    files: usize,
}

impl<'a> Message<'a> {
    /// A message in up to two pieces, with the flags of the call and so many
    /// files.
    #[inline(always)]
    pub(crate) fn new(pieces: [&'a [u8]; 2], flags: MsgFlags, files: usize) -> Self {
        Self {
            pieces,
            flags,
            files,
        }
    }

    /// The bytes that it has.
    pub(crate) fn len(&self) -> usize {
        self.pieces[0].len() + self.pieces[1].len()
    }

    /// The `MSG_*` flags of the call.
    pub(crate) fn flags(&self) -> u32 {
        self.flags.of_caller()
    }

    /// How many files go with it.
    pub(crate) fn files(&self) -> usize {
        self.files
    }

    /// The first bytes, in `to`.
    pub(crate) fn head<'b>(&self, to: &'b mut [u8; HEAD_MAX]) -> &'b [u8] {
        let mut len = 0;
        for piece in self.pieces {
            let part = piece.len().min(HEAD_MAX - len);
            to[len..len + part].copy_from_slice(&piece[..part]);
            len += part;
        }
        &to[..len]
    }

    /// Whether the message begins with `prefix`, whose length is known beforehand:
    /// that compares words, where a slice is a call.
    #[inline(always)]
    pub(crate) fn starts_with<const N: usize>(&self, prefix: &[u8; N]) -> bool {
        match self.pieces[0].first_chunk() {
            Some(head) => head == prefix,
            None => self.starts_across(prefix),
        }
    }

    /// As [`Self::starts_with`], where the first piece is shorter.
    #[cold]
    fn starts_across(&self, prefix: &[u8]) -> bool {
        let [first, rest] = self.pieces;
        match prefix.split_at_checked(first.len()) {
            Some((a, b)) => first == a && rest.starts_with(b),
            None => first.starts_with(prefix),
        }
    }
}

/// All that a hook is told.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    object: &'a dyn Object,
    message: Option<&'a Message<'a>>,
}

impl<'a> Context<'a> {
    /// What the current task does to `object`, with `message` if it is about one.
    #[inline]
    pub(crate) fn new(object: &'a dyn Object, message: Option<&'a Message<'a>>) -> Self {
        Self { object, message }
    }

    /// Who acts. What is found of that is kept there.
    pub(crate) fn subject(&self) -> Subject {
        Subject::default()
    }

    /// On what.
    pub(crate) fn object(&self) -> &'a dyn Object {
        self.object
    }

    /// The name of what it is done to, without the NUL at its end.
    pub(crate) fn name(&self) -> &'a [u8] {
        plain(self.object.name())
    }

    /// The name of the other end, likewise.
    pub(crate) fn peer_name(&self) -> &'a [u8] {
        plain(self.object.peer_name())
    }

    /// The message, of the operations that have one.
    pub(crate) fn message(&self) -> Option<&'a Message<'a>> {
        self.message
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_policy_context)]
pub(super) mod tests {
    use super::*;

    /// A socket without a name.
    pub(in crate::policy) struct Nothing;

    impl Object for Nothing {
        fn kind(&self) -> u16 {
            1
        }

        fn netns(&self) -> u32 {
            0
        }

        fn name(&self) -> &[u8] {
            &[]
        }
    }

    #[test]
    fn a_prefix_is_found_across_the_pieces() {
        for split in 0..=6 {
            let (a, b) = b"abcdef".split_at(split);
            let message = Message::new([a, b], MsgFlags::default(), 0);
            assert!(message.starts_with(b""));
            assert!(message.starts_with(b"abcd"));
            assert!(message.starts_with(b"abcdef"));
            assert!(!message.starts_with(b"abd"));
            assert!(!message.starts_with(b"abcdefg"));
            assert_eq!(message.head(&mut [0; HEAD_MAX]), b"abcdef");
        }
    }

    #[test]
    fn the_head_is_bounded() {
        let long = [7; HEAD_MAX + 1];
        let message = Message::new([&long[..3], &long], MsgFlags::default(), 0);
        assert_eq!(message.head(&mut [0; HEAD_MAX]).len(), HEAD_MAX);
        assert_eq!(message.len(), HEAD_MAX + 4);
    }

    #[test]
    fn a_name_is_shown_without_its_end() {
        assert_eq!(plain(b"path\0"), b"path");
        assert_eq!(plain(b"\0a\0"), b"\0a\0");
        assert_eq!(plain(b""), b"");
    }
}
