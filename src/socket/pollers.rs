// SPDX-License-Identifier: GPL-2.0

//! Sockets that poll for room at another one.

use crate::net::sock::Sock;
use core::sync::atomic::{
    fence,
    AtomicBool,
    Ordering::{Relaxed, SeqCst}, //
};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
    sync::{
        aref::ARef,
        Mutex, //
    }, //
};

struct List {
    sockets: RBTree<u64, ARef<Sock>>,
    next: u64,
}

/// Sockets that are told when there is room.
#[pin_data]
pub(super) struct Pollers {
    #[pin]
    list: Mutex<List>,
    /// Whether there are any, for who looks without the mutex.
    any: AtomicBool,
}

impl Pollers {
    /// None.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(
                List {
                    sockets: RBTree::new(),
                    next: 0,
                },
                "socket::Pollers::list"
            ),
            any: AtomicBool::new(false),
        })
    }

    /// Adds `sk`; returns the number of its place. Sleeps.
    ///
    /// Either who makes room sees this, or the caller, who looks next, sees the
    /// room.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn join(&self, sk: &Sock) -> Result<u64> {
        let place = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let mut list = self.list.lock();
        let number = list.next;
        // OVERFLOW: It takes centuries to count so far.
        list.next += 1;
        list.sockets.insert(place.into_node(number, sk.into()));
        self.any.store(true, Relaxed);
        fence(SeqCst);
        Ok(number)
    }

    /// Takes a socket away, if it is still there. Sleeps.
    pub(super) fn leave(&self, number: u64) {
        let mut list = self.list.lock();
        let node = list.sockets.remove_node(&number);
        self.any.store(!list.sockets.is_empty(), Relaxed);
        drop(list);
        drop(node);
    }

    /// Whether there are any.
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        self.any.load(Relaxed)
    }

    /// Tells all, who stay. Sleeps.
    pub(super) fn wake(&self) {
        if !self.any() {
            return;
        }
        for sk in self.list.lock().sockets.values() {
            sk.write_space();
        }
    }

    /// Tells all, who leave: they come again if they still need to. Sleeps.
    pub(super) fn dismiss(&self) {
        if !self.any() {
            return;
        }
        let mut list = self.list.lock();
        let sockets = core::mem::replace(&mut list.sockets, RBTree::new());
        self.any.store(false, Relaxed);
        drop(list);
        for sk in sockets.values() {
            sk.write_space();
        }
    }
}
