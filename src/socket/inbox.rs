// SPDX-License-Identifier: GPL-2.0

//! The inbox of a datagram socket: what waits for it, and who waits to send.

use super::{envelope::Envelope, pollers::Pollers, QueueSocket};
use crate::{
    names::Name,
    net::{
        sock::Sock,
        socket::Socket,
        wait, //
    },
    queue::{
        record::{Parcel, Records},
        usage::Usage,
        NoRoom,
        Queue, //
    },
    trace, //
};
use core::cmp;
use kernel::{
    new_condvar,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        Arc,
        CondVar,
        CondVarTimeoutResult,
        Mutex,
        SetOnce, //
    }, //
};

/// What others know of a datagram socket.
#[pin_data]
pub(super) struct Inbox {
    /// The socket; it outlives the socket's file, and then waking it does
    /// nothing.
    sk: SetOnce<ARef<Sock>>,
    /// The name alone: what the name leads to is this.
    name: SetOnce<Name>,
    #[pin]
    pub(super) records: Records<Envelope>,
    /// What the socket sent and nobody received yet.
    pub(super) sent: Usage,
    shut_write: Atomic<bool>,
    /// The socket was closed.
    dead: Atomic<bool>,
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
    sleepers: Atomic<usize>,
    #[pin]
    room: CondVar,
}

/// Why a message was not taken in.
pub(super) enum Refusal {
    /// The receiver is closed.
    Dead,
    /// It is connected to another socket.
    NotPeer,
    /// It shut its receiving side.
    Shut,
    /// It does not take files.
    Files,
    /// Its limit is reached.
    Full,
}

impl Inbox {
    /// The inbox of a new socket. Sleeps.
    pub(super) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                sk: SetOnce::new(),
                name: SetOnce::new(),
                records <- Records::new(),
                sent: Usage::new(),
                shut_write: Atomic::new(false),
                dead: Atomic::new(false),
                peer <- new_mutex!(None, "socket::Inbox::peer"),
                polls <- new_mutex!(None, "socket::Inbox::polls"),
                pollers <- Pollers::new(),
                waiting <- new_mutex!((), "socket::Inbox::waiting"),
                sleepers: Atomic::new(0),
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
        core::mem::replace(&mut *self.peer.lock(), peer)
    }

    /// Ends the connection if it is still to `peer`. Sleeps.
    pub(super) fn leave(&self, peer: &Arc<Self>) -> bool {
        let mut now = self.peer.lock();
        let same = now.as_ref().is_some_and(|now| Arc::ptr_eq(now, peer));
        let old = if same { now.take() } else { None };
        drop(now);
        drop(old);
        same
    }

    /// Whether the socket is connected to `other`, or to nobody. Sleeps.
    pub(super) fn accepts(&self, other: &Arc<Self>) -> bool {
        let peer = self.peer.lock();
        peer.as_ref().is_none_or(|peer| Arc::ptr_eq(peer, other))
    }

    /// Whether the socket is connected to `other`. Sleeps.
    pub(super) fn is_peer_of(&self, other: &Arc<Self>) -> bool {
        let peer = self.peer.lock();
        peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, other))
    }

    /// Whether the socket was closed.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Acquire)
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
        self.records.shut();
        self.wake_all();
        // Those who wait for their own limit to be free wait for this queue.
        self.records.for_each(|envelope| {
            if let Some(sk) = envelope.credit.as_ref().and_then(|credit| credit.from.sk()) {
                sk.write_space();
            }
        });
    }

    /// Whether receiving was shut, and the socket is still there.
    pub(super) fn is_shut(&self) -> bool {
        self.records.is_shut() && !self.is_dead()
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

    /// Takes a message in that `from` sends, or gives it back. Sleeps for other
    /// senders, not for room.
    pub(super) fn try_deliver(
        &self,
        from: &Arc<Self>,
        sender: &Socket<QueueSocket>,
        mut parcel: Parcel<Envelope>,
    ) -> Result<(), (Refusal, Parcel<Envelope>)> {
        if !self.accepts(from) {
            return Err((Refusal::NotPeer, parcel));
        }
        if self.is_dead() {
            return Err((Refusal::Dead, parcel));
        }
        if self.records.is_shut() {
            return Err((Refusal::Shut, parcel));
        }
        let envelope = parcel.message_mut().aux_mut();
        let wants = self.sk().map(Sock::wants);
        let refused = |wants| envelope.ancillary.address(sender, wants).is_err();
        if wants.is_some_and(refused) {
            return Err((Refusal::Files, parcel));
        }
        envelope.stamp = self.sk().and_then(Sock::stamp_now);
        self.records
            .try_push(parcel, self.limit(sender.sk().sndbuf()))
            .map_err(|(why, parcel)| match why {
                NoRoom::Full => (Refusal::Full, parcel),
                _ if self.is_dead() => (Refusal::Dead, parcel),
                _ => (Refusal::Shut, parcel),
            })?;
        if let Some(sk) = self.sk() {
            sk.data_ready();
        }
        Ok(())
    }

    /// Whether a sender with an SO_SNDBUF of `sndbuf` must wait.
    fn is_full(&self, sndbuf: usize) -> bool {
        !self.records.is_shut() && !self.records.is_writable(self.limit(sndbuf))
    }

    /// Waits until a sender with an SO_SNDBUF of `sndbuf` should try again, for at
    /// most `timeo` jiffies, which it counts down.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when the time is up; `ERESTARTSYS` or `EINTR` for a signal.
    pub(super) fn wait_for_room(&self, sndbuf: usize, timeo: &mut c_long) -> Result {
        let mut waiting = self.waiting.lock();
        // Full: either the reader sees that somebody waits, or this sees room.
        self.sleepers.fetch_add(1usize, Full);
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
        self.sleepers.fetch_sub(1usize, Relaxed);
        drop(waiting);
        // There may be room for the next, or the wake-up was meant for it.
        self.room.notify_one();
        result
    }

    /// A message left: tells those who wait, if there is room enough. Sleeps.
    pub(super) fn wake_waiting(&self) {
        if self.is_full(0) {
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
        trace::drop(self.sk(), || self.records.bytes(), reason);
        self.records.discard();
    }

    /// The socket is closed. Sleeps.
    pub(super) fn close(&self) {
        self.dead.store(true, Release);
        self.records.shut();
        drop(self.set_peer(None));
        let place = self.polls.lock().take();
        drop(place);
        self.discard(trace::Drop::Close);
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
