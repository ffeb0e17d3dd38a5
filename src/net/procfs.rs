// SPDX-License-Identifier: GPL-2.0

//! A file in /proc/net that lists a family's sockets, for each network
//! namespace its own.
//!
//! The columns are those of /proc/net/unix, with the bytes in the queues before
//! the name. A read holds the namespace's table of sockets still; the position
//! of a line is the number of its sock there, that of the first line 0.
//!
//! C headers: [`include/linux/proc_fs.h`](srctree/include/linux/proc_fs.h),
//! [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use super::{
    family::SocketFamily,
    netns::Net,
    ops::SocketOps,
    sight::Sight,
    sock::{data_ptr, Sock}, //
};
use crate::bindings;
use core::{marker::PhantomData, ptr};
use kernel::prelude::*;

/// The first line.
const HEADER: &[u8] =
    b"Num       RefCount Protocol Flags    Type St Inode   Recv-Q   Send-Q Path\n";

/// Any one may read the file.
const MODE: bindings::umode_t = 0o444;

/// Makes the file of `F` in `net`, if it wants one. Sleeps.
///
/// # Errors
///
/// `ENOMEM`.
///
/// C function: `proc_create_net()`
pub(super) fn create<F: SocketFamily>(net: &Net) -> Result {
    let Some(name) = F::PROC_NAME else {
        return Ok(());
    };
    // SAFETY: The operations are in a static, of a module that removes the file
    // before it goes; the helper takes the size of the state from the core.
    let made = unsafe {
        bindings::proc_create_net_in(net.as_raw(), name.as_char_ptr(), MODE, &Lines::<F>::OPS)
    };
    made.then_some(()).ok_or(ENOMEM)
}

/// Removes that file, when nobody reads it any more. Sleeps.
///
/// C function: `remove_proc_entry()`
pub(super) fn remove<F: SocketFamily>(net: &Net) {
    if let Some(name) = F::PROC_NAME {
        // SAFETY: `create` made the file.
        unsafe { bindings::proc_remove_net(net.as_raw(), name.as_char_ptr()) };
    }
}

/// The lines of the file.
///
/// # Safety
///
/// The functions are called by the core only, as `struct seq_operations` has
/// them: with the file's `seq_file`, `start` before and `stop` after the others,
/// by one task.
struct Lines<F>(PhantomData<F>);

/// What stands for the first line.
const START: *mut c_void = ptr::without_provenance_mut(1);

impl<F: SocketFamily> Lines<F> {
    const OPS: bindings::seq_operations = bindings::seq_operations {
        start: Some(Self::start),
        stop: Some(Self::stop),
        next: Some(Self::next),
        show: Some(Self::show),
    };

    /// # Safety
    ///
    /// As [`Lines`] says.
    unsafe fn net<'a>(seq: *mut bindings::seq_file) -> &'a Net {
        // SAFETY: An open file of this kind holds its namespace.
        unsafe { Net::from_raw(bindings::seq_net(seq)) }
    }

    /// # Safety
    ///
    /// As [`Lines`] says.
    unsafe extern "C" fn start(
        seq: *mut bindings::seq_file,
        pos: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: As above.
        let (net, at) = unsafe { (Self::net(seq), *pos) };
        let locked = net.socks::<F>().lock();
        let line = match at {
            0 => START,
            number => {
                let found = locked.iter_from(number).next();
                found.map_or(ptr::null_mut(), |(sk, _)| sk.as_raw().cast())
            }
        };
        locked.into_held();
        line
    }

    /// # Safety
    ///
    /// As [`Lines`] says.
    unsafe extern "C" fn next(
        seq: *mut bindings::seq_file,
        line: *mut c_void,
        pos: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: As above; `start` left the table locked.
        let locked = unsafe { Self::net(seq).socks::<F>().held() };
        let next = match line {
            START => locked.iter().next(),
            // SAFETY: The line is a sock of the table, which is locked.
            sk => unsafe { locked.after(sk.cast()).next() },
        };
        let (line, at) = match next {
            Some((sk, _)) => (sk.as_raw().cast(), locked.number(sk)),
            None => (ptr::null_mut(), i64::MAX),
        };
        // SAFETY: As above.
        unsafe { *pos = at };
        locked.into_held();
        line
    }

    /// # Safety
    ///
    /// As [`Lines`] says.
    unsafe extern "C" fn stop(seq: *mut bindings::seq_file, _line: *mut c_void) {
        // SAFETY: As above; `start` left the table locked.
        drop(unsafe { Self::net(seq).socks::<F>().held() });
    }

    /// # Safety
    ///
    /// As [`Lines`] says.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, line: *mut c_void) -> c_int {
        if line == START {
            // SAFETY: The file is valid.
            unsafe { bindings::seq_write(seq, HEADER.as_ptr().cast(), HEADER.len()) };
            return 0;
        }
        let sk: *mut bindings::sock = line.cast();
        // SAFETY: The line is a sock of the table, which `start` left locked:
        // the sock and its data are there.
        let (sock, data) = unsafe { (Sock::from_raw(sk), &*data_ptr::<F::Socket>(sk)) };
        let sight = data.sight(sock);
        let flags = match sock.state() {
            bindings::TCP_LISTEN => bindings::__SO_ACCEPTCON,
            _ => 0,
        };
        let state = match sock.state() {
            bindings::TCP_ESTABLISHED => bindings::socket_state_SS_CONNECTED,
            _ => bindings::socket_state_SS_UNCONNECTED,
        };
        // SAFETY: The file is valid, and the format fits what follows.
        unsafe {
            bindings::seq_printf(
                seq,
                c"%pK: %08X %08X %08X %04X %02X %5llu %8u %8u".as_char_ptr(),
                sk,
                bindings::sk_refs(sk),
                0 as c_uint,
                flags as c_uint,
                c_uint::from(sock.kind()),
                state as c_uint,
                sock.inode(),
                Sight::number(sight.received),
                Sight::number(sight.sent),
            );
        }
        // SAFETY: The file is valid.
        let put = |byte: u8| unsafe { bindings::seq_putc(seq, byte as c_char) };
        if !sight.name.is_empty() {
            put(b' ');
        }
        for byte in printable(sight.name) {
            put(if *byte == 0 { b'@' } else { *byte });
        }
        put(b'\n');
        0
    }
}

/// What is printed of a name: not the NUL that ends one which does not start
/// with one.
fn printable(name: &[u8]) -> &[u8] {
    match name {
        [0, ..] => name,
        [path @ .., _] => path,
        [] => name,
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(net_procfs)]
mod tests {
    use super::*;

    #[test]
    fn the_nul_that_ends_a_name_is_not_printed() {
        assert_eq!(printable(b"path\0"), b"path");
        assert_eq!(printable(b"\0abstract\0"), b"\0abstract\0");
        assert_eq!(printable(b"\0"), b"\0");
        assert_eq!(printable(b""), b"");
    }
}
