// SPDX-License-Identifier: GPL-2.0

//! splice(2) from a socket into a pipe.
//!
//! The core's own way for a family without `splice_read`, copy_splice_read(),
//! takes SPLICE_F_NONBLOCK for the pipe only: the receive would wait.
//!
//! C header: [`include/linux/splice.h`](srctree/include/linux/splice.h)

use crate::bindings;
use core::{cmp, mem};
use kernel::{
    error::to_result,
    page::{Page, PAGE_SIZE},
    prelude::*, //
};

/// Receives up to `len` bytes into pages, one after the other, which become
/// `pipe`'s. Returns the bytes. Sleeps.
///
/// # Errors
///
/// `ENOMEM`, and what a receive returns, if nothing was received.
///
/// # Safety
///
/// `sock` must be valid, and `pipe` locked by the caller.
pub(super) unsafe fn splice_read(
    sock: *mut bindings::socket,
    pipe: *mut bindings::pipe_inode_info,
    len: usize,
    nonblock: bool,
) -> Result<usize> {
    let mut spliced = 0;
    // SAFETY: The caller holds the pipe's lock.
    while spliced < len && !unsafe { bindings::pipe_is_full(pipe) } {
        // What comes after the first page must be there already.
        let nonblock = nonblock || spliced > 0;
        let wanted = cmp::min(len - spliced, PAGE_SIZE);
        // SAFETY: As the caller guarantees; the pipe has room, and keeps it
        // while it is locked.
        match unsafe { splice_page(sock, pipe, wanted, nonblock) } {
            Ok(n) => {
                spliced += n;
                if n < wanted {
                    break;
                }
            }
            Err(error) if spliced == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(spliced)
}

/// Receives up to `len` bytes, at most a page, into a page that becomes
/// `pipe`'s. Returns the bytes.
///
/// # Safety
///
/// As for [`splice_read`]; the pipe must have room.
unsafe fn splice_page(
    sock: *mut bindings::socket,
    pipe: *mut bindings::pipe_inode_info,
    len: usize,
    nonblock: bool,
) -> Result<usize> {
    let page = Page::alloc_page(GFP_KERNEL_ACCOUNT)?;
    let bvec = bindings::bio_vec {
        bv_page: page.as_ptr(),
        bv_len: len as u32,
        bv_offset: 0,
    };
    let mut msg = bindings::msghdr::default();
    let flags = if nonblock { bindings::MSG_DONTWAIT } else { 0 };
    // SAFETY: The vector, and the page, outlive the call; the caller
    // guarantees the rest. sock_recvmsg() asks the security modules.
    let received = unsafe {
        bindings::iov_iter_bvec(&mut msg.msg_iter, bindings::ITER_DEST, &bvec, 1, len);
        bindings::sock_recvmsg(sock, &mut msg, flags as c_int)
    };
    to_result(received)?;
    let received = received as usize;
    if received > 0 {
        let mut buf = bindings::pipe_buffer {
            page: page.as_ptr(),
            len: received as u32,
            ops: &raw const bindings::nosteal_pipe_buf_ops,
            ..Default::default()
        };
        // The pipe takes the page, and lets it go itself if it refuses.
        mem::forget(page);
        // SAFETY: The caller guarantees that the pipe is locked.
        to_result(unsafe { bindings::add_to_pipe(pipe, &mut buf) } as c_int)?;
    }
    Ok(received)
}
