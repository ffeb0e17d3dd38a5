// SPDX-License-Identifier: GPL-2.0

//! A listening socket: connections that wait to be accepted.

use super::{
    connected::Connected,
    hooks,
    pair::Pair,
    pollers::Pollers,
    QueueSocket,
    State, //
};
use crate::{
    net::{
        cred::PeerCred,
        errno::ECONNREFUSED,
        file::FileRef,
        poll::Events,
        sock::{NewSock, SkState, Sock},
        socket::{AcceptSocket, Socket},
        sockopt::Wants,
        wait, //
    },
    transport::Side,
};
use kernel::{
    new_condvar,
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::{
        aref::ARef,
        lock::{mutex::MutexBackend, Guard},
        Arc,
        CondVar,
        CondVarTimeoutResult,
        Mutex, //
    }, //
};

/// A connection that nobody accepted yet.
struct Embryo {
    pair: Pair,
    /// Who connected.
    cred: PeerCred,
}

/// An embryo, and the memory that its place in a backlog takes.
pub(super) struct Pending {
    embryo: Embryo,
    place: RBTreeNodeReservation<u64, Embryo>,
}

impl Pending {
    /// Sleeps.
    pub(super) fn new(pair: Pair, cred: PeerCred) -> Result<Self> {
        Ok(Self {
            embryo: Embryo { pair, cred },
            place: RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?,
        })
    }
}

struct Inner {
    /// The socket that listens, until it is closed.
    listener: Option<ARef<Sock>>,
    /// The embryos, by the order in which they came.
    queue: RBTree<u64, Embryo>,
    queued: u32,
    next: u64,
    /// One more than this may wait, as AF_UNIX has it.
    limit: u32,
    /// Receiving was shut: nobody may connect any more.
    shut: bool,
    /// Who called listen(2): that is what a client sees as its peer.
    cred: PeerCred,
}

impl Inner {
    fn is_open(&self) -> bool {
        self.listener.is_some() && !self.shut
    }

    fn is_full(&self) -> bool {
        self.queued > self.limit
    }

    fn push(&mut self, pending: Pending) {
        let node = pending.place.into_node(self.next, pending.embryo);
        self.queue.insert(node);
        self.queued += 1;
        // OVERFLOW: It takes centuries to count so far.
        self.next += 1;
    }

    fn pop(&mut self) -> Option<RBTreeNode<u64, Embryo>> {
        let (_, node) = self.queue.cursor_front_mut()?.remove_current();
        self.queued -= 1;
        Some(node)
    }
}

/// The queue of a listening socket.
#[pin_data]
pub(crate) struct Backlog {
    #[pin]
    inner: Mutex<Inner>,
    /// Notified when an embryo leaves, when the limit changes, and when no embryo
    /// can come any more.
    #[pin]
    room: CondVar,
    /// Sockets that poll for room: see [`AwaitedRoom`].
    #[pin]
    pollers: Pollers,
}

/// The place of a socket whose non-blocking connect(2) found a backlog full, and
/// that may poll for room; it leaves when this is dropped.
pub(super) struct AwaitedRoom {
    backlog: Arc<Backlog>,
    number: u64,
}

impl AwaitedRoom {
    /// Has `sk` told when there is room. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(backlog: &Arc<Backlog>, sk: &Sock) -> Result<Self> {
        let number = backlog.pollers.join(sk)?;
        let backlog = backlog.clone();
        Ok(Self { backlog, number })
    }

    /// Whether connect(2) would find room now, or learn that it never will.
    /// Sleeps.
    pub(super) fn has_room(&self) -> bool {
        let inner = self.backlog.inner.lock();
        !inner.is_open() || !inner.is_full()
    }
}

impl Drop for AwaitedRoom {
    fn drop(&mut self) {
        self.backlog.pollers.leave(self.number);
    }
}

/// Whether there is room in a backlog.
pub(super) enum Room<'a> {
    There(Place<'a>),
    Full,
}

/// Room for one more in a backlog.
pub(super) struct Place<'a>(Guard<'a, Inner, MutexBackend>);

impl Place<'_> {
    /// Who listens.
    pub(super) fn cred(&self) -> PeerCred {
        self.0.cred.clone()
    }

    /// What a socket will want that is accepted.
    pub(super) fn wants(&self) -> Wants {
        let listener = self.0.listener.as_ref();
        listener.map_or_else(Wants::all, |listener| listener.wants())
    }

    /// Takes the place; returns the socket to wake.
    pub(super) fn push(mut self, pending: Pending) -> Option<ARef<Sock>> {
        self.0.push(pending);
        self.0.listener.clone()
    }
}

impl Backlog {
    /// An empty queue. Sleeps.
    pub(super) fn new(listener: ARef<Sock>, limit: u32) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                inner <- new_mutex!(
                    Inner {
                        listener: Some(listener),
                        queue: RBTree::new(),
                        queued: 0,
                        next: 0,
                        limit,
                        shut: false,
                        cred: PeerCred::current(),
                    },
                    "socket::listening::Backlog::inner"
                ),
                room <- new_condvar!("socket::listening::Backlog::room"),
                pollers <- Pollers::new(),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Who listens. Sleeps.
    pub(super) fn cred(&self) -> PeerCred {
        self.inner.lock().cred.clone()
    }

    /// Looks for room. Sleeps.
    ///
    /// # Errors
    ///
    /// `ECONNREFUSED` if nobody may connect any more.
    pub(super) fn room(&self) -> Result<Room<'_>> {
        let inner = self.inner.lock();
        if !inner.is_open() {
            return Err(ECONNREFUSED.into());
        }
        Ok(if inner.is_full() {
            Room::Full
        } else {
            Room::There(Place(inner))
        })
    }

    /// Waits for room, or for the end of the backlog, for at most `timeo`
    /// jiffies, which it counts down.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when the time is up; `ERESTARTSYS` or `EINTR` for a signal.
    pub(super) fn wait_for_room(&self, timeo: &mut c_long) -> Result {
        let mut inner = self.inner.lock();
        while inner.is_open() && inner.is_full() {
            let left = usize::try_from(*timeo).unwrap_or(0);
            if left == 0 {
                return Err(EAGAIN);
            }
            match self.room.wait_interruptible_timeout(&mut inner, left) {
                CondVarTimeoutResult::Woken { jiffies } => *timeo = jiffies as c_long,
                CondVarTimeoutResult::Timeout => *timeo = 0,
                CondVarTimeoutResult::Signal { jiffies } => {
                    // The wake-up may have been meant for whoever is next.
                    self.room.notify_one();
                    return Err(wait::interrupted(jiffies as c_long));
                }
            }
        }
        Ok(())
    }

    /// Lets nobody connect any more; who waits already may be accepted. Sleeps.
    pub(super) fn shut(&self) {
        self.inner.lock().shut = true;
        self.wake_all();
    }

    /// Has all look who wait or poll for room. Sleeps.
    fn wake_all(&self) {
        self.room.notify_all();
        self.pollers.wake();
    }

    /// Whether there is an embryo; `EAGAIN` if not yet, `EINVAL` if never.
    fn may_pop(&self) -> Result {
        let inner = self.inner.lock();
        match inner.queued {
            0 if inner.shut => Err(EINVAL),
            0 => Err(EAGAIN),
            _ => Ok(()),
        }
    }

    fn try_pop(&self) -> Result<Embryo> {
        let node = self.inner.lock().pop().ok_or(EAGAIN)?;
        self.room.notify_one();
        self.pollers.wake();
        let (_, embryo) = node.to_key_value();
        Ok(embryo)
    }
}

/// The state of a listening socket.
pub(super) struct Listening(Arc<Backlog>);

impl Listening {
    pub(super) fn new(backlog: Arc<Backlog>) -> Self {
        Self(backlog)
    }

    /// listen(2) again: another limit, and other credentials. Sleeps.
    pub(super) fn relisten(&self, limit: u32) {
        let cred = PeerCred::current();
        let mut inner = self.0.inner.lock();
        inner.limit = limit;
        let old = core::mem::replace(&mut inner.cred, cred);
        drop(inner);
        drop(old);
        self.0.wake_all();
    }

    /// How many wait to be accepted, and how many may. Sleeps.
    pub(super) fn queue(&self) -> (usize, usize) {
        let inner = self.0.inner.lock();
        (inner.queued as usize, inner.limit as usize)
    }

    /// Whether accept(2) would not wait. Sleeps.
    pub(super) fn is_acceptable(&self) -> bool {
        self.0.inner.lock().queued > 0
    }

    /// Shows `see` each file that was sent to those that wait. Sleeps.
    pub(super) fn for_each_file(&self, see: &mut dyn FnMut(&FileRef)) {
        for embryo in self.0.inner.lock().queue.values() {
            embryo.pair.for_each_file(see);
        }
    }

    /// Shows `see` each socket that waits to be accepted. Sleeps.
    pub(super) fn for_each_client(&self, see: &mut dyn FnMut(&Sock)) {
        for embryo in self.0.inner.lock().queue.values() {
            if let Some(sk) = embryo.pair.end(Side::A).sk() {
                see(sk);
            }
        }
    }

    /// Whether receiving was shut. Sleeps.
    pub(super) fn is_shut(&self) -> bool {
        self.0.inner.lock().shut
    }

    /// shutdown(2) of receiving. Sleeps.
    pub(super) fn shut(&self) {
        self.0.shut()
    }

    /// The socket is closed: nobody will accept those that wait. Sleeps.
    pub(super) fn close(&self) {
        let mut inner = self.0.inner.lock();
        let listener = inner.listener.take();
        let queue = core::mem::replace(&mut inner.queue, RBTree::new());
        inner.queued = 0;
        drop(inner);
        drop(listener);
        self.0.wake_all();
        for embryo in queue.values() {
            embryo.pair.reset();
        }
    }
}

/// accept(2). Sleeps.
///
/// # Errors
///
/// `EINVAL` if the socket does not listen or was shut, `EAGAIN` if nobody
/// connected (within SO_RCVTIMEO), `EINTR`, `ENOMEM`; the connection stays in
/// the queue. What the policy returns; the connection is reset then.
pub(super) fn accept(
    sock: &Socket<QueueSocket>,
    new: AcceptSocket<'_, QueueSocket>,
    nonblock: bool,
) -> Result {
    let listening = sock.listening().ok_or(EINVAL)?;
    let (backlog, sk) = (&*listening.0, sock.sk());
    let mut child = None;
    let embryo = wait::block_on(
        sk,
        Events::IN,
        &mut wait::Timeo::recv(sk, nonblock),
        || {
            // What can fail comes before the embryo leaves the queue.
            backlog.may_pop()?;
            if child.is_none() {
                let data = QueueSocket::new(sock.small().kind, sock.name.get());
                child = Some(NewSock::<QueueSocket>::new(sk.net(), sock.kind(), data)?);
            }
            backlog.try_pop()
        },
        || listening.is_acceptable(),
    )?;
    let child = child.ok_or(ENOMEM)?;
    hooks::accept(sock, &embryo.pair, &embryo.cred)?;
    child.sk().set_recv_flags(sk.recv_flags());
    child.sk().inherit_label(sk);
    child.sk().set_peer_cred(embryo.cred);
    child.sk().set_state(SkState::Established);
    embryo.pair.end(Side::B).set_sk(child.sk());
    let connected = Connected::new(embryo.pair);
    child.state.populate(State::Connected(connected));
    child.graft(&new);
    Ok(())
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
