// SPDX-License-Identifier: GPL-2.0

//! The socks of a family in one network namespace, so that they can be shown.
//!
//! A sock is linked by the node that `struct sock` has for that purpose:
//! nothing is allocated. It joins when its data is initialised, and leaves
//! before its data ends: whoever holds the table's mutex may look at the data of
//! every sock that is in it.
//!
//! Each sock has a number, and the newest, which is the first, the least: so a
//! list that is read in several parts goes on where it was, whatever was made
//! and closed in between.
//!
//! Locks: the table's mutex is taken before all of the family's: none of those
//! may be held where a sock is made or released. Under it, nothing waits for
//! user memory, because whoever makes a socket would wait too.

use super::{
    ops::SocketOps,
    sock::{data_ptr, number_ptr, Sock}, //
};
use crate::bindings;
use core::{cell::Cell, marker::PhantomData, mem, ptr::NonNull};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        lock::{mutex::MutexBackend, Guard},
        Mutex, //
    },
    types::Opaque, //
};
use pin_init::PinInit;

/// The head of a list of socks.
///
/// # Invariants
///
/// Each sock in it is one of the table's family, whose data is initialised, and
/// counted once for its place. They are in the order of their numbers.
struct Head {
    list: Opaque<bindings::hlist_head>,
    /// The number of the newest sock.
    newest: Cell<i64>,
}

// SAFETY: Socks may be reached from any task; the table's mutex guards the list.
unsafe impl Send for Head {}

/// The socks whose data is `T`.
#[pin_data]
pub(super) struct Table<T> {
    #[pin]
    head: Mutex<Head>,
    _data: PhantomData<fn() -> T>,
}

impl<T: SocketOps> Table<T> {
    /// An empty table.
    pub(super) fn new() -> impl PinInit<Self> {
        // INVARIANT: There is nothing in it. It may still move, because nothing
        // points to it.
        let head = Head {
            list: Opaque::new(bindings::hlist_head::default()),
            newest: Cell::new(i64::MAX),
        };
        pin_init!(Self {
            head <- new_mutex!(head, "net::table::Table::head"),
            _data: PhantomData,
        })
    }

    /// Adds a sock. Sleeps.
    ///
    /// # Safety
    ///
    /// `sk` must be valid, in no table, and have its data initialised until it
    /// is removed from this one.
    pub(super) unsafe fn insert(&self, sk: *mut bindings::sock) {
        let head = self.head.lock();
        // OVERFLOW: It takes centuries to count so far.
        let number = head.newest.get() - 1;
        head.newest.set(number);
        // INVARIANT: The caller guarantees it, the function counts the sock, and
        // the number is less than all others.
        // SAFETY: The mutex is held; the head is pinned in it.
        unsafe {
            *number_ptr::<T>(sk) = number;
            bindings::sk_add_node(sk, head.list.get());
        }
    }

    /// Takes a sock out, if it is in: nobody reaches its data through the table
    /// any more. Sleeps.
    ///
    /// # Safety
    ///
    /// `sk` must be valid, and in no other table.
    pub(super) unsafe fn remove(&self, sk: *mut bindings::sock) {
        let _head = self.head.lock();
        // SAFETY: The mutex is held; the caller holds a reference, so that this
        // is not the last.
        unsafe { bindings::sk_del_node_init(sk) };
    }

    /// Holds the table still. Sleeps.
    pub(super) fn lock(&self) -> Locked<'_, T> {
        Locked {
            head: self.head.lock(),
            _data: PhantomData,
        }
    }

    /// Takes over the lock that [`Locked::into_held`] left.
    ///
    /// # Safety
    ///
    /// The current task must have left it, and take it over once.
    pub(super) unsafe fn held(&self) -> Locked<'_, T> {
        Locked {
            // SAFETY: The caller guarantees that the mutex is held.
            head: unsafe { Guard::new(&self.head, ()) },
            _data: PhantomData,
        }
    }

    /// Shows `see` each sock that has a socket, with its data. Sleeps.
    pub(super) fn for_each(&self, mut see: impl FnMut(&Sock, &T)) {
        let locked = self.lock();
        locked.iter().for_each(|(sk, data)| see(sk, data));
    }
}

/// A table that nobody changes.
pub(super) struct Locked<'a, T> {
    head: Guard<'a, Head, MutexBackend>,
    _data: PhantomData<&'a T>,
}

impl<T: SocketOps> Locked<'_, T> {
    /// The socks that have a socket, each with its data. One that accept(2) has
    /// made and not given away yet has none.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Sock, &T)> {
        // SAFETY: The mutex is held; the first is null or a sock of the table.
        unsafe { self.from(bindings::sk_head(self.head.list.get())) }
    }

    /// Those of [`Self::iter`] that have this number or a greater one.
    pub(super) fn iter_from(&self, number: i64) -> impl Iterator<Item = (&Sock, &T)> {
        self.iter()
            .skip_while(move |(sk, _)| self.number(sk) < number)
    }

    /// The number of `sk`, which is positive.
    pub(super) fn number(&self, sk: &Sock) -> i64 {
        // SAFETY: A sock of the table has a number, which is only written before
        // it is in it.
        unsafe { *number_ptr::<T>(sk.as_raw()) }
    }

    /// Those behind `sk`.
    ///
    /// # Safety
    ///
    /// `sk` must be in the table, found since it was locked.
    pub(super) unsafe fn after(
        &self,
        sk: *mut bindings::sock,
    ) -> impl Iterator<Item = (&Sock, &T)> {
        // SAFETY: The caller guarantees it.
        unsafe { self.from(bindings::sk_next(sk)) }
    }

    /// # Safety
    ///
    /// `sk` must be null or in the table, found since it was locked.
    unsafe fn from(&self, sk: *mut bindings::sock) -> impl Iterator<Item = (&Sock, &T)> {
        core::iter::successors(NonNull::new(sk), |sk| {
            // SAFETY: By the invariant of `Head`, and the mutex is held.
            NonNull::new(unsafe { bindings::sk_next(sk.as_ptr()) })
        })
        // SAFETY: By the invariant of `Head` both are there while the mutex is
        // held: who releases the data takes the sock out first.
        .map(|sk| unsafe { (Sock::from_raw(sk.as_ptr()), &*data_ptr::<T>(sk.as_ptr())) })
        .filter(|(sk, _)| sk.inode() != 0)
    }

    /// Leaves the table locked, for [`Table::held`].
    pub(super) fn into_held(self) {
        mem::forget(self);
    }
}
