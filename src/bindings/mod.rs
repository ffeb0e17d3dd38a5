// SPDX-License-Identifier: GPL-2.0

//! The kernel's C interface, as far as the `kernel` crate does not wrap it.
//!
//! Owns: the generated declarations and the proof that their layouts are the
//! C compiler's.
//!
//! Imports: nothing but the `kernel` crate's own bindings, with which it shares
//! every type that it does not redefine.
//!
//! Locks: none.

#![allow(
    clippy::all,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unknown_lints,
    unnecessary_transmutes,
    unreachable_pub,
    unsafe_code,
    unsafe_op_in_unsafe_fn
)]

pub(crate) mod hook;
pub(crate) mod params;
pub(crate) mod tracepoint;

mod raw {
    // A name that is defined here wins over the glob.
    #[doc(no_inline)]
    pub use kernel::bindings::*;
    use kernel::ffi;
    use pin_init::MaybeZeroable;

    #[allow(dead_code)]
    type __kernel_size_t = usize;

    // Types that are only ever behind a pointer.
    macro_rules! opaque {
        ($($t:ident)*) => { $( #[repr(C)] pub struct $t { _p: [u8; 0] } )* };
    }
    opaque!(inet_timewait_death_row sk_filter sock_reuseport numa_drop_counters
        request_sock_ops timewait_sock_ops inet_hashinfo raw_hashinfo
        smc_hashinfo sock_diag_inet_compat ref_tracker psp_assoc sk_psock audit_buffer);

    include!(env!("QSOCK_BINDINGS"));
}
#[doc(hidden)]
pub(crate) use raw::*;

// Types that the kernel crate's bindings declare have no layout tests: the
// kernel switches them off. What is used of those is checked here.
const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<sock>() == NET_SIZEOF_SOCK);
    assert!(size_of::<socket>() == NET_SIZEOF_SOCKET);
    assert!(size_of::<proto>() == NET_SIZEOF_PROTO);
    assert!(size_of::<proto_ops>() == NET_SIZEOF_PROTO_OPS);
    assert!(size_of::<msghdr>() == NET_SIZEOF_MSGHDR);
    assert!(size_of::<scm_cookie>() == NET_SIZEOF_SCM_COOKIE);
    assert!(size_of::<wait_queue_entry>() == NET_SIZEOF_WAIT_QUEUE_ENTRY);
    assert!(size_of::<pernet_operations>() == NET_SIZEOF_PERNET_OPERATIONS);
    assert!(offset_of!(sock, sk_sndbuf) == NET_OFFSET_SK_SNDBUF);
    assert!(offset_of!(sock, sk_write_space) == NET_OFFSET_SK_WRITE_SPACE);
    assert!(offset_of!(sock, sk_destruct) == NET_OFFSET_SK_DESTRUCT);
    assert!(offset_of!(socket, sk) == NET_OFFSET_SOCKET_SK);
    assert!(offset_of!(msghdr, msg_iter) == NET_OFFSET_MSG_ITER);
    assert!(offset_of!(msghdr, msg_flags) == NET_OFFSET_MSG_FLAGS);
};
