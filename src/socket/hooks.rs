// SPDX-License-Identifier: GPL-2.0

//! Where the policy is asked, and what it is told. Each is a branch that is
//! patched out while no hook is loaded; what a hook does not look at is not found.
//!
//! Who acts is the current task. The peer is, on a connection, who connected,
//! listened or made the pair, as SO_PEERCRED shows it; a datagram socket is its
//! maker's.

use super::{
    ancillary::Ancillary,
    connected::Connected,
    inbox::Inbox,
    pair::Pair,
    QueueSocket, //
};
use crate::{
    names::{Entry, Name},
    net::{
        cred::PeerCred,
        msg::MsgFlags,
        netns::Net,
        socket::Socket, //
    },
    policy::{
        chain::{self, DROPPED},
        context::{Message, Object},
        Operation, //
    },
    transport::Side,
};
use kernel::prelude::*;

/// The bytes of a name, if there is one.
fn bytes(name: Option<&Name>) -> &[u8] {
    name.map(Name::as_bytes).unwrap_or_default()
}

mod plain;

pub(super) use plain::{Received, ReceivedFrom, Sent, SentTo};

/// A socket that is about to be made.
struct New<'a> {
    net: &'a Net,
    kind: u16,
}

impl Object for New<'_> {
    fn kind(&self) -> u16 {
        self.kind
    }

    fn netns(&self) -> u32 {
        self.net.inode()
    }

    fn name(&self) -> &[u8] {
        &[]
    }
}

/// A socket with what it became: one that is connected has a peer.
impl Object for Socket<QueueSocket> {
    fn kind(&self) -> u16 {
        self.sk().kind()
    }

    fn netns(&self) -> u32 {
        self.sk().net().inode()
    }

    fn name(&self) -> &[u8] {
        let name = self.name.as_ref();
        bytes(name.map(Entry::name))
    }

    fn peer_name(&self) -> &[u8] {
        bytes(self.connected().and_then(Connected::peer_name))
    }

    fn peer_ids(&self) -> Option<(u32, u32)> {
        self.sk().peer_ids()
    }
}

/// A socket that is about to have something.
struct Before<'a> {
    sock: &'a Socket<QueueSocket>,
    /// What it is to be called.
    name: Option<&'a Name>,
    peer_name: Option<&'a Name>,
    peer_ids: Option<(u32, u32)>,
}

impl<'a> Before<'a> {
    fn new(sock: &'a Socket<QueueSocket>) -> Self {
        Self {
            sock,
            name: None,
            peer_name: None,
            peer_ids: None,
        }
    }

    #[cold]
    fn ask(&self, operation: Operation) -> Result {
        chain::check(operation, self, None, None, EACCES)
    }
}

impl Object for Before<'_> {
    fn kind(&self) -> u16 {
        self.sock.kind()
    }

    fn netns(&self) -> u32 {
        self.sock.netns()
    }

    fn name(&self) -> &[u8] {
        self.name
            .map_or_else(|| Object::name(self.sock), Name::as_bytes)
    }

    fn peer_name(&self) -> &[u8] {
        bytes(self.peer_name)
    }

    fn peer_ids(&self) -> Option<(u32, u32)> {
        self.peer_ids
    }
}

/// A datagram socket, and another.
struct Datagrams<'a> {
    sock: &'a Socket<QueueSocket>,
    peer: Option<&'a Inbox>,
}

impl Object for Datagrams<'_> {
    fn kind(&self) -> u16 {
        self.sock.kind()
    }

    fn netns(&self) -> u32 {
        self.sock.netns()
    }

    fn name(&self) -> &[u8] {
        Object::name(self.sock)
    }

    fn peer_name(&self) -> &[u8] {
        bytes(self.peer.and_then(Inbox::name))
    }

    fn peer_ids(&self) -> Option<(u32, u32)> {
        Some(self.peer?.maker)
    }
}

/// A socket of type `kind` is made in `net`.
#[inline(always)]
pub(super) fn create(net: &Net, kind: u16) -> Result {
    if !chain::is_asked(Operation::Create) {
        return Ok(());
    }
    ask_create(&New { net, kind })
}

#[cold]
fn ask_create(new: &New<'_>) -> Result {
    chain::check(Operation::Create, new, None, None, EACCES)
}

/// `sock` gets `name`, or one of our choice.
#[inline(always)]
pub(super) fn bind(sock: &Socket<QueueSocket>, name: Option<&Name>) -> Result {
    if !chain::is_asked(Operation::Bind) {
        return Ok(());
    }
    let about = Before {
        name,
        ..Before::new(sock)
    };
    about.ask(Operation::Bind)
}

/// `sock` listens.
#[inline(always)]
pub(super) fn listen(sock: &Socket<QueueSocket>) -> Result {
    if !chain::is_asked(Operation::Listen) {
        return Ok(());
    }
    Before::new(sock).ask(Operation::Listen)
}

/// `sock` is shut.
#[inline(always)]
pub(super) fn shutdown(sock: &Socket<QueueSocket>) -> Result {
    if !chain::is_asked(Operation::Shutdown) {
        return Ok(());
    }
    Before::new(sock).ask(Operation::Shutdown)
}

/// `sock` connects to `name`, where somebody listens whose user and group `ids`
/// finds.
#[inline(always)]
pub(super) fn connect(
    sock: &Socket<QueueSocket>,
    name: &Name,
    ids: impl FnOnce() -> (u32, u32),
) -> Result {
    if !chain::is_asked(Operation::Connect) {
        return Ok(());
    }
    let about = Before {
        peer_name: Some(name),
        peer_ids: Some(ids()),
        ..Before::new(sock)
    };
    about.ask(Operation::Connect)
}

/// `sock` accepts the connection `pair`, which `cred` made; it is reset if that is
/// refused.
#[inline(always)]
pub(super) fn accept(sock: &Socket<QueueSocket>, pair: &Pair, cred: &PeerCred) -> Result {
    if !chain::is_asked(Operation::Accept) {
        return Ok(());
    }
    let about = Before {
        peer_name: pair.end(Side::A).name(),
        peer_ids: Some(cred.ids()),
        ..Before::new(sock)
    };
    about.ask(Operation::Accept).inspect_err(|_| pair.reset())
}

/// A message on a connection, and how many files go with it.
#[derive(Clone, Copy)]
pub(super) struct OnConnection<'a> {
    pub(super) sock: &'a Socket<QueueSocket>,
    pub(super) flags: MsgFlags,
    pub(super) files: usize,
}

impl OnConnection<'_> {
    /// It is sent.
    #[inline(always)]
    pub(super) fn sendmsg<'b>(self, pieces: impl FnOnce() -> [&'b [u8]; 2]) -> Result {
        if !chain::is_asked(Operation::Sendmsg) {
            return Ok(());
        }
        let message = Message::new(pieces(), self.flags, self.files);
        ask_sendmsg(self.sock, &message)
    }

    /// Whether anybody is asked about what is sent.
    #[inline(always)]
    pub(super) fn is_asked_to_send(&self) -> bool {
        chain::is_asked(Operation::Sendmsg)
    }

    /// Whether anybody is asked about what is received.
    #[inline(always)]
    pub(super) fn is_asked_to_receive(&self) -> bool {
        chain::is_asked(Operation::Recvmsg)
    }

    /// It is received.
    #[inline(always)]
    pub(super) fn recvmsg<'b>(self, pieces: impl FnOnce() -> [&'b [u8]; 2]) -> Result {
        if !chain::is_asked(Operation::Recvmsg) {
            return Ok(());
        }
        let message = Message::new(pieces(), self.flags, self.files);
        ask_recvmsg(self.sock, &message)
    }

    /// Its files are sent.
    #[inline(always)]
    pub(super) fn pass_files(self, ancillary: &Ancillary) -> Result {
        if !chain::is_asked(Operation::PassFile) {
            return Ok(());
        }
        ask_files(self.sock, self.flags, ancillary)
    }
}

#[cold]
fn ask_sendmsg(sock: &Socket<QueueSocket>, message: &Message<'_>) -> Result {
    // Who receives a connection's messages counts on all of them: none is dropped.
    chain::check(Operation::Sendmsg, sock, Some(message), None, EACCES)
}

#[cold]
fn ask_recvmsg(sock: &Socket<QueueSocket>, message: &Message<'_>) -> Result {
    chain::check(Operation::Recvmsg, sock, Some(message), None, EACCES)
}

/// A datagram between a socket and another.
#[derive(Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) sock: &'a Socket<QueueSocket>,
    pub(super) peer: Option<&'a Inbox>,
    pub(super) flags: MsgFlags,
    pub(super) files: usize,
}

impl Datagram<'_> {
    /// It is sent; [`DROPPED`] if it is not to be delivered.
    #[inline(always)]
    pub(super) fn sendmsg<'b>(self, pieces: impl FnOnce() -> [&'b [u8]; 2]) -> Result {
        if !chain::is_asked(Operation::Sendmsg) {
            return Ok(());
        }
        let message = Message::new(pieces(), self.flags, self.files);
        ask_send_datagram(self.sock, self.peer, &message)
    }

    /// It is received.
    #[inline(always)]
    pub(super) fn recvmsg<'b>(self, pieces: impl FnOnce() -> [&'b [u8]; 2]) -> Result {
        if !chain::is_asked(Operation::Recvmsg) {
            return Ok(());
        }
        let message = Message::new(pieces(), self.flags, self.files);
        ask_recv_datagram(self.sock, self.peer, &message)
    }

    /// Its files are sent.
    #[inline(always)]
    pub(super) fn pass_files(self, ancillary: &Ancillary) -> Result {
        if !chain::is_asked(Operation::PassFile) {
            return Ok(());
        }
        let (sock, peer) = (self.sock, self.peer);
        ask_files(&Datagrams { sock, peer }, self.flags, ancillary)
    }
}

#[cold]
fn ask_send_datagram(
    sock: &Socket<QueueSocket>,
    peer: Option<&Inbox>,
    message: &Message<'_>,
) -> Result {
    let object = Datagrams { sock, peer };
    chain::check(Operation::Sendmsg, &object, Some(message), None, DROPPED)
}

#[cold]
fn ask_recv_datagram(
    sock: &Socket<QueueSocket>,
    peer: Option<&Inbox>,
    message: &Message<'_>,
) -> Result {
    let object = Datagrams { sock, peer };
    chain::check(Operation::Recvmsg, &object, Some(message), None, EACCES)
}

/// Asks about each file that goes with a message; the first refusal wins.
#[cold]
fn ask_files(object: &dyn Object, flags: MsgFlags, ancillary: &Ancillary) -> Result {
    let message = Message::new([&[]; 2], flags, ancillary.files());
    let mut result = Ok(());
    ancillary.for_each_file(&mut |file| {
        if result.is_ok() {
            result = chain::check(
                Operation::PassFile,
                object,
                Some(&message),
                Some(file),
                EACCES,
            );
        }
    });
    result
}
