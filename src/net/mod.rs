// SPDX-License-Identifier: GPL-2.0

//! Socket families in safe Rust.
//!
//! Owns: every `unsafe` between a family and the network core: registration
//! ([`family`]), the operations' shims ([`ops`]), the life of a sock ([`sock`]),
//! messages ([`msg`], [`pages`], [`scm`]), waiting and readiness ([`wait`], [`poll`], and who
//! is there to be told: [`audience`]), memory that is not used ([`tend`]), network
//! namespaces ([`netns`]), credentials ([`cred`]), what is shown of a socket
//! ([`sight`]), and what a policy needs of the rest of the kernel ([`task`],
//! [`audit`], [`securityfs`]).
//!
//! Imports: `bindings` and the helpers. It knows no family.
//!
//! Locks: the table of a namespace's sockets has a mutex, which is taken before
//! all of the family's: a sock is made and released without any. `sk_peer_lock`
//! and the wait queues' locks are taken and released within one call, under
//! whatever the family holds.
//!
//! # Writing a family
//!
//! 1. A type for the sockets' data implements [`ops::SocketOps`]: only the
//!    operations that the family has. What it leaves out is refused as the core
//!    refuses it (`EOPNOTSUPP` mostly). Its `release` and `drop` run when the
//!    last file is gone.
//! 2. A type for the family implements [`family::SocketFamily`]: the name, what
//!    each network namespace holds, and how a socket's data is made.
//! 3. A static of type [`family::Family`] holds the operations; the module's
//!    `init` calls [`family::Family::register`] and keeps the
//!    [`family::Registration`] for as long as the module lives.
//!
//! ```ignore
//! struct Echo;
//! static ECHO: Family<Echo> = Family::new();
//!
//! impl SocketFamily for Echo {
//!     const NAME: &'static CStr = c"ECHO";
//!     type Socket = EchoSocket;
//!     type NetNs = ();
//!
//!     fn family() -> &'static Family<Self> { &ECHO }
//!     fn netns() -> impl PinInit<(), Error> { Ok(()) }
//!     fn create(_: &Net, kind: u16, protocol: c_int) -> Result<impl PinInit<EchoSocket, Error>> {
//!         if kind != SOCK_DGRAM { return Err(ESOCKTNOSUPPORT.into()); }
//!         Ok(EchoSocket::new())
//!     }
//! }
//! ```
//!
//! # Rules that the types carry
//!
//! - An operation gets `&Socket<T>`, which dereferences to the family's `T`.
//!   Operations on one socket run concurrently, so `T: Sync` guards itself.
//! - Other sockets never see `T`: they hold an
//!   [`ARef`](kernel::sync::aref::ARef)`<`[`Sock`](sock::Sock)`>`, enough to
//!   wake the socket and to leave an error with it. So `release` is alone with
//!   `T`, and two sockets that hold each other cannot keep each other alive.
//! - An operation that may have to wait is written once, without waiting, and
//!   returns `EAGAIN`; [`wait::block_on`] makes the blocking call of it.

// The framework is wider than any one family.
#![allow(dead_code)]

pub(crate) mod addr;
mod audience;
pub(crate) mod audit;
mod compat;
pub(crate) mod cred;
mod diag;
pub(crate) mod errno;
pub(crate) mod family;
pub(crate) mod fault;
pub(crate) mod file;
mod filter;
pub(crate) mod msg;
pub(crate) mod msg_cred;
pub(crate) mod netns;
mod notify;
pub(crate) mod once;
pub(crate) mod ops;
pub(crate) mod pages;
pub(crate) mod pidfd;
pub(crate) mod poll;
mod procfs;
mod proto_ops;
pub(crate) mod random;
pub(crate) mod scm;
pub(crate) mod securityfs;
pub(crate) mod sight;
pub(crate) mod sock;
pub(crate) mod socket;
pub(crate) mod sockopt;
mod splice;
mod table;
pub(crate) mod task;
mod tend;
pub(crate) mod uapi;
pub(crate) mod wait;
pub(crate) mod work;
