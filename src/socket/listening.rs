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
    rbtree::{RBTree, RBTreeNodeReservation},
    sync::{
        aref::ARef,
        lock::{mutex::MutexBackend, Guard},
        Arc,
        CondVar,
        CondVarTimeoutResult,
        Mutex, //
    }, //
};

mod awaited;

pub(super) use awaited::AwaitedRoom;

/// A connection that nobody accepted yet.
pub(super) struct Embryo {
    pair: Pair,
    /// Who connected.
    cred: PeerCred,
}

impl Embryo {
    /// The end `pair` of a connection that the current task makes.
    pub(super) fn new(pair: Pair) -> Self {
        Self {
            pair,
            cred: PeerCred::current(),
        }
    }
}

/// The memory that an embryo's place in a backlog takes.
type Node = RBTreeNodeReservation<u64, Option<Embryo>>;

struct Inner {
    /// The socket that listens, until it is closed.
    listener: Option<ARef<Sock>>,
    /// The embryos, by the order in which they came.
    queue: RBTree<u64, Option<Embryo>>,
    queued: u32,
    /// What the embryo that left last had, for the next one.
    spare: Option<Node>,
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

    fn push(&mut self, node: Node, embryo: Embryo) {
        self.queue.insert(node.into_node(self.next, Some(embryo)));
        self.queued += 1;
        // OVERFLOW: It takes centuries to count so far.
        self.next += 1;
    }

    fn pop(&mut self) -> Option<Embryo> {
        let mut first = self.queue.cursor_front_mut()?;
        let embryo = first.current_mut().1.take();
        let (_, node) = first.remove_current();
        self.spare = Some(node.into_reservation());
        self.queued -= 1;
        embryo
    }

    fn embryos(&self) -> impl Iterator<Item = &Embryo> {
        self.queue.values().flatten()
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

/// Whether there is room in a backlog.
pub(super) enum Room<'a> {
    There(Place<'a>),
    Full,
}

/// Room for one more in a backlog.
pub(super) struct Place<'a> {
    inner: Guard<'a, Inner, MutexBackend>,
    node: Node,
}

impl Place<'_> {
    /// Who listens.
    pub(super) fn cred(&self) -> PeerCred {
        self.inner.cred.clone()
    }

    /// What a socket will want that is accepted.
    pub(super) fn wants(&self) -> Wants {
        let listener = self.inner.listener.as_ref();
        listener.map_or_else(Wants::all, |listener| listener.wants())
    }

    /// Takes the place; returns the socket to wake.
    pub(super) fn push(mut self, embryo: Embryo) -> Option<ARef<Sock>> {
        self.inner.push(self.node, embryo);
        self.inner.listener.clone()
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
                        spare: None,
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
    /// `ECONNREFUSED` if nobody may connect any more; `ENOMEM`.
    pub(super) fn room(&self) -> Result<Room<'_>> {
        let mut new = None;
        loop {
            let mut inner = self.inner.lock();
            if !inner.is_open() {
                return Err(ECONNREFUSED.into());
            }
            if inner.is_full() {
                return Ok(Room::Full);
            }
            if let Some(node) = new.take().or_else(|| inner.spare.take()) {
                return Ok(Room::There(Place { inner, node }));
            }
            drop(inner);
            // Not under the mutex: who is charged for it may wait long for memory.
            new = Some(Node::new(GFP_KERNEL_ACCOUNT)?);
        }
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
        let embryo = self.inner.lock().pop().ok_or(EAGAIN)?;
        self.room.notify_one();
        self.pollers.wake();
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
        for embryo in self.0.inner.lock().embryos() {
            embryo.pair.for_each_file(see);
        }
    }

    /// Shows `see` each socket that waits to be accepted. Sleeps.
    pub(super) fn for_each_client(&self, see: &mut dyn FnMut(&Sock)) {
        for embryo in self.0.inner.lock().embryos() {
            if let Some(sk) = embryo.pair.end(Side::A).sk() {
                see(sk);
            }
        }
    }

    /// Whether receiving was shut, and whether there is an embryo. Sleeps.
    pub(super) fn poll(&self) -> (bool, bool) {
        let inner = self.0.inner.lock();
        (inner.shut, inner.queued > 0)
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
        for embryo in queue.values().flatten() {
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
