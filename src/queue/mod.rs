// SPDX-License-Identifier: GPL-2.0

//! The queues: memory and order of what is sent.
//!
//! Owns: the memory that messages wait in ([`mem`], the only file here that may
//! say `unsafe`) and the order in which they come out ([`stream`]).
//!
//! Imports: the `kernel` crate. It knows no socket and no policy.
//!
//! Locks: [`stream::Stream`] has one mutex for its writers and one for its
//! readers, in that order; nothing else is taken under them but what a page
//! fault takes.

#[allow(unsafe_code)]
mod mem;
pub(crate) mod stream;
