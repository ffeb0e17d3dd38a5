// SPDX-License-Identifier: GPL-2.0

//! The inbox of a datagram socket: what waits for it, and who waits to send.

use super::{envelope::Envelope, pollers::Pollers};
use crate::{
    names::Name,
    net::{
        once::Once,
        sock::Sock,
        task,
        wait, //
    },
    queue::{record::Records, usage::Usage, Queue},
    trace,
    transport::{mailbox::Mailbox, Transport}, //
};
use core::{
    cmp,
    num::NonZeroUsize,
    ptr::NonNull,
    sync::atomic::{
        fence,
        AtomicBool,
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release, SeqCst}, //
    }, //
};
use kernel::{
    new_condvar,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        lock::{mutex::MutexBackend, Guard},
        Arc,
        CondVar,
        CondVarTimeoutResult,
        Mutex, //
    }, //
};

/// What tells one inbox from all others.
#[inline(always)]
pub(super) fn id(inbox: &Arc<Inbox>) -> NonZeroUsize {
    NonNull::from(&**inbox).addr()
}

/// What others know of a datagram socket.
#[pin_data]
pub(super) struct Inbox {
    /// The socket; it outlives the socket's file, and then waking it does
    /// nothing.
    sk: Once<ARef<Sock>>,
    /// User and group of who made the socket, in the initial user namespace.
    pub(super) maker: (u32, u32),
    /// The name alone: what the name leads to is this.
    name: Once<Name>,
    /// What waits for the socket. While that is connected, nobody else is heard: who
    /// looks without `peer`'s mutex sees it there. It is closed with the socket.
    #[pin]
    pub(super) mail: Mailbox<Records<Envelope>>,
    /// What the socket sent and nobody received yet.
    pub(super) sent: Usage,
    shut_write: AtomicBool,
    /// Whom the socket is connected to: nobody else may send to it. Emptied when
    /// the socket is closed, so that no circle of inboxes remains.
    #[pin]
    peer: Mutex<Option<Arc<Inbox>>>,
    /// Where the socket's pollers wait for room at the peer.
    #[pin]
    polls: Mutex<Option<Place>>,
    // Taken under another inbox's `polls`.
    #[pin]
    pollers: Pollers,
    /// Held by senders while they look for room before they sleep.
    #[pin]
    waiting: Mutex<()>,
    /// How many sleep, or are about to.
    sleepers: AtomicUsize,
    /// The largest SO_SNDBUF of those that wait: who makes room looks for room
    /// for them.
    largest: AtomicUsize,
    #[pin]
    room: CondVar,
}

impl Inbox {
    /// The inbox of a new socket. Sleeps.
    pub(super) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                sk: Once::new(),
                maker: (task::euid(), task::egid()),
                name: Once::new(),
                mail <- Mailbox::new(),
                sent: Usage::new(),
                shut_write: AtomicBool::new(false),
                peer <- new_mutex!(None, "socket::Inbox::peer"),
                polls <- new_mutex!(None, "socket::Inbox::polls"),
                pollers <- Pollers::new(),
                waiting <- new_mutex!((), "socket::Inbox::waiting"),
                sleepers: AtomicUsize::new(0),
                largest: AtomicUsize::new(0),
                room <- new_condvar!("socket::Inbox::room"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Makes `sk` the socket that others wake, if it is not yet.
    pub(super) fn set_sk(&self, sk: &Sock) {
        if self.sk.as_ref().is_none() {
            self.sk.populate(sk.into());
        }
    }

    /// Makes `name` the socket's name.
    pub(super) fn set_name(&self, name: Name) {
        self.name.populate(name);
    }

    /// The socket's name.
    pub(super) fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// Whom the socket is connected to. Sleeps.
    pub(super) fn peer(&self) -> Option<Arc<Self>> {
        self.peer.lock().clone()
    }

    /// Connects the socket, or disconnects it; returns whom it was connected to.
    /// Sleeps.
    pub(super) fn set_peer(&self, peer: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let mut now = self.peer.lock();
        self.mail.hear_only(peer.as_ref().map(id));
        core::mem::replace(&mut *now, peer)
    }

    /// Whom the socket is connected to, who stays that meanwhile. Sleeps.
    #[inline(always)]
    pub(super) fn lock_peer(&self) -> Guard<'_, Option<Arc<Self>>, MutexBackend> {
        self.peer.lock()
    }

    /// Ends the connection if it is still to `peer`. Sleeps.
    pub(super) fn leave(&self, peer: &Arc<Self>) -> bool {
        let mut now = self.peer.lock();
        let same = now.as_ref().is_some_and(|now| Arc::ptr_eq(now, peer));
        let old = if same { now.take() } else { None };
        if same {
            self.mail.hear_only(None);
        }
        drop(now);
        drop(old);
        same
    }

    /// The queue of what waits.
    #[inline(always)]
    pub(super) fn records(&self) -> &Records<Envelope> {
        self.mail.queue()
    }

    /// Whether the socket is connected to `other`. Sleeps.
    pub(super) fn is_peer_of(&self, other: &Arc<Self>) -> bool {
        let peer = self.peer.lock();
        peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, other))
    }

    /// Whether the socket was closed.
    pub(super) fn is_dead(&self) -> bool {
        self.mail.is_closed()
    }

    /// Whether sending was shut.
    pub(super) fn is_write_shut(&self) -> bool {
        self.shut_write.load(Acquire)
    }

    /// Shuts sending.
    pub(super) fn shut_write(&self) {
        self.shut_write.store(true, Release);
    }

    /// Shuts receiving. Sleeps.
    pub(super) fn shut_read(&self) {
        self.mail.shut(());
        self.wake_all();
        // Those who wait for their own limit to be free wait for this queue.
        self.records().for_each(|envelope| {
            if let Some(sk) = envelope.credit.as_ref().and_then(|credit| credit.from.sk()) {
                sk.write_space();
            }
        });
    }

    /// Whether receiving was shut, and the socket is still there.
    pub(super) fn is_shut(&self) -> bool {
        self.mail.is_shut(()) && !self.is_dead()
    }

    /// The socket, for who sends to it.
    pub(super) fn sk(&self) -> Option<&Sock> {
        self.sk.as_ref().map(|sk| &**sk)
    }

    /// The limit for who sends with an SO_SNDBUF of `sndbuf`: what the receiver
    /// chose, or else enough for what the sender may have on its way.
    pub(super) fn limit(&self, sndbuf: usize) -> usize {
        match self.sk().map_or((0, false), Sock::rcvbuf) {
            (chosen, true) => chosen,
            (rcvbuf, false) => cmp::max(rcvbuf, sndbuf),
        }
    }

    /// The socket `sk` is told, which waits for its own limit, if there is room.
    /// Does not sleep.
    #[cold]
    pub(super) fn tell_writer(&self, sk: &Sock) {
        if self.sent.is_writable(sk.sndbuf()) {
            sk.write_space();
        }
    }

    /// Whether a sender with an SO_SNDBUF of `sndbuf` must wait.
    fn is_full(&self, sndbuf: usize) -> bool {
        !self.mail.is_shut(()) && !self.mail.is_writable((), self.limit(sndbuf))
    }

    /// Waits until a sender with an SO_SNDBUF of `sndbuf` should try again, for at
    /// most `timeo` jiffies, which it counts down.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when the time is up; `ERESTARTSYS` or `EINTR` for a signal.
    pub(super) fn wait_for_room(&self, sndbuf: usize, timeo: &mut c_long) -> Result {
        let mut waiting = self.waiting.lock();
        self.raise_largest(sndbuf);
        // Before the look: either the reader sees that somebody waits, or this sees
        // room.
        self.sleepers.fetch_add(1, Relaxed);
        fence(SeqCst);
        let mut result = Ok(());
        while self.is_full(sndbuf) {
            let left = usize::try_from(*timeo).unwrap_or(0);
            if left == 0 {
                result = Err(EAGAIN);
                break;
            }
            match self.room.wait_interruptible_timeout(&mut waiting, left) {
                CondVarTimeoutResult::Woken { jiffies } => *timeo = jiffies as c_long,
                CondVarTimeoutResult::Timeout => *timeo = 0,
                CondVarTimeoutResult::Signal { jiffies } => {
                    result = Err(wait::interrupted(jiffies as c_long));
                    break;
                }
            }
        }
        self.sleepers.fetch_sub(1, Relaxed);
        drop(waiting);
        // There may be room for the next, or the wake-up was meant for it.
        self.room.notify_one();
        result
    }

    /// Somebody is about to wait who has an SO_SNDBUF of `sndbuf`.
    fn raise_largest(&self, sndbuf: usize) {
        let mut largest = self.largest.load(Relaxed);
        while largest < sndbuf {
            match self
                .largest
                .compare_exchange_weak(largest, sndbuf, Relaxed, Relaxed)
            {
                Ok(_) => break,
                Err(now) => largest = now,
            }
        }
    }

    /// A message left: tells those who wait, if there is room enough. Sleeps.
    #[inline(always)]
    pub(super) fn wake_waiting(&self) {
        // In order with all: they say that they wait before they look.
        fence(SeqCst);
        if self.sleepers.load(Relaxed) > 0 || self.pollers.any() {
            self.tell_waiting();
        }
    }

    #[cold]
    fn tell_waiting(&self) {
        if self.is_full(self.largest.load(Relaxed)) {
            return;
        }
        if self.sleepers.load(Relaxed) > 0 {
            // With the mutex, so that none is between its look and its sleep.
            let waiting = self.waiting.lock();
            self.room.notify_one();
            drop(waiting);
        }
        self.pollers.dismiss();
    }

    fn wake_all(&self) {
        let waiting = self.waiting.lock();
        self.room.notify_all();
        drop(waiting);
        self.pollers.dismiss();
    }

    /// Whether the socket's connection has room for what `sk` sends; if not, `sk`
    /// is told when it has. Sleeps.
    pub(super) fn poll_room(&self, sk: &Sock) -> bool {
        let Some(peer) = self.peer() else {
            return true;
        };
        let mut polls = self.polls.lock();
        if !peer.is_full(sk.sndbuf()) {
            return true;
        }
        let old = polls.take();
        peer.raise_largest(sk.sndbuf());
        match Place::new(&peer, sk) {
            Ok(place) => *polls = Some(place),
            // Without memory, say so, rather than that it never comes.
            Err(_) => return true,
        }
        drop(polls);
        drop(old);
        !peer.is_full(sk.sndbuf())
    }

    /// Drops all that waits to be received, because nobody will. Sleeps.
    pub(super) fn discard(&self, reason: trace::Drop) {
        trace::drop(self.sk(), || self.mail.queued(()), reason);
        self.records().discard();
    }

    /// The socket is closed. Sleeps.
    pub(super) fn close(&self) {
        self.mail.close();
        drop(self.set_peer(None));
        let place = self.polls.lock().take();
        drop(place);
        trace::drop(self.sk(), || self.mail.queued(()), trace::Drop::Close);
        self.mail.abandon(());
        self.wake_all();
    }
}

/// The place of a socket that polls among those that wait for an inbox; it leaves
/// when this is dropped.
struct Place {
    inbox: Arc<Inbox>,
    number: u64,
}

impl Place {
    fn new(inbox: &Arc<Inbox>, sk: &Sock) -> Result<Self> {
        let number = inbox.pollers.join(sk)?;
        let inbox = inbox.clone();
        Ok(Self { inbox, number })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inbox.pollers.leave(self.number);
    }
}
