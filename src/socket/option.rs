// SPDX-License-Identifier: GPL-2.0

//! setsockopt(2) and getsockopt(2).

use super::{Kind, QueueSocket, Target};
use crate::{
    names::{Access, Entry, NameRef},
    net::{
        cred::Kgid,
        errno::{ENOPROTOOPT, EOPNOTSUPP},
        socket::Socket,
        sockopt::{core_setsockopt, OptIn, OptOut, Pass, Stamps, SOL_SOCKET},
        uapi::{CAP_CHOWN, CAP_FOWNER, SO_INQ, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT},
    },
};
use core::sync::atomic::Ordering::Relaxed;
use kernel::{prelude::*, task::Kuid};

// The numbers of include/uapi/linux/qsock.h; the crate's root compares them.

/// The family's level of options.
pub(crate) const SOL_QSOCK: c_int = 512;

/// Permissions of a name.
pub(crate) const QSOCK_NAME_MODE: c_int = 0x1000;

/// Owner of a name.
pub(crate) const QSOCK_NAME_OWNER: c_int = 0x1001;

/// The id that leaves an owner as it is.
const KEEP: u32 = u32::MAX;

/// setsockopt(2). Sleeps.
///
/// # Errors
///
/// `EOPNOTSUPP` for another level; `ENOPROTOOPT` for an option that is not
/// there; `EINVAL` for a bad length or value; `EFAULT`; what the core returns
/// for its own options; `EPERM` for somebody else's name.
pub(super) fn set(sock: &Socket<QueueSocket>, level: c_int, name: c_int, value: &OptIn) -> Result {
    match level {
        SOL_SOCKET => set_at_socket(sock, name, value),
        SOL_QSOCK => match name {
            QSOCK_NAME_MODE => set_mode(sock, value),
            QSOCK_NAME_OWNER => set_owner(sock, value),
            _ if Pass::of_option(name).is_some() || name == SO_INQ => {
                set_at_socket(sock, name, value)
            }
            _ => Err(ENOPROTOOPT.into()),
        },
        _ => Err(EOPNOTSUPP.into()),
    }
}

fn set_at_socket(sock: &Socket<QueueSocket>, name: c_int, value: &OptIn) -> Result {
    if name == SO_INQ && sock.small().kind == Kind::Stream {
        if value.len() != size_of::<c_int>() {
            return Err(EINVAL);
        }
        match value.int()? {
            on @ (0 | 1) => sock.small().inq.store(on != 0, Relaxed),
            _ => return Err(EINVAL),
        }
        return Ok(());
    }
    if let Some(what) = Pass::of_option(name) {
        sock.sk().set_passes(what, value.int()? != 0);
        return Ok(());
    }
    if let Some(stamps) = Stamps::of_option(name) {
        sock.sk().set_stamps(stamps, value.int()? != 0);
        return Ok(());
    }
    core_setsockopt(sock, name, value)?;
    match name {
        // What is there may be enough now.
        SO_RCVLOWAT => {
            if sock
                .connected()
                .is_some_and(|connected| connected.is_readable())
            {
                sock.sk().data_ready();
            }
        }
        // There may be room for who sends to it.
        SO_RCVBUF | SO_RCVBUFFORCE => {
            if let Some(connected) = sock.connected() {
                connected.wake_writer();
            }
            if let Some(inbox) = sock.inbox() {
                inbox.wake_waiting();
            }
        }
        _ => {}
    }
    Ok(())
}

/// getsockopt(2), but for SOL_SOCKET, which the core answers. Sleeps.
///
/// # Errors
///
/// `EOPNOTSUPP` for another level; `ENOPROTOOPT` for an option that is not
/// there; `EINVAL` for a name that the socket does not have.
pub(super) fn get(sock: &Socket<QueueSocket>, level: c_int, name: c_int) -> Result<OptOut> {
    if level != SOL_QSOCK {
        return Err(EOPNOTSUPP.into());
    }
    if let Some(what) = Pass::of_option(name) {
        return Ok(OptOut::int(sock.sk().passes(what).into()));
    }
    match name {
        SO_INQ if sock.small().kind == Kind::Stream => Ok(OptOut::int(sock.wants_inq().into())),
        QSOCK_NAME_MODE => Ok(OptOut::int(own_name(sock)?.access().mode.into())),
        QSOCK_NAME_OWNER => {
            let access = own_name(sock)?.access();
            let mut bytes = [0; 8];
            bytes[..4].copy_from_slice(&access.owner.into_uid_in_current_ns().to_ne_bytes());
            bytes[4..].copy_from_slice(&access.group.into_gid_in_current_ns().to_ne_bytes());
            Ok(OptOut::bytes(&bytes))
        }
        _ => Err(ENOPROTOOPT.into()),
    }
}

/// The name that the socket bound itself.
fn own_name(sock: &Socket<QueueSocket>) -> Result<&Entry<Target>> {
    sock.own_name().ok_or(EINVAL)
}

/// Whether the current task owns the name, or may do as if.
fn may_change(sock: &Socket<QueueSocket>, access: &Access, capability: u32) -> bool {
    access.owner == crate::net::cred::current_fsuid() || sock.sk().net().capable(capability)
}

/// QSOCK_NAME_MODE.
fn set_mode(sock: &Socket<QueueSocket>, value: &OptIn) -> Result {
    if value.len() != size_of::<c_int>() {
        return Err(EINVAL);
    }
    let mode = u16::try_from(value.int()?).map_err(|_| EINVAL)?;
    if mode & !0o777 != 0 {
        return Err(EINVAL);
    }
    own_name(sock)?.change_access(|access| {
        if !may_change(sock, &access, CAP_FOWNER) {
            return Err(EPERM);
        }
        Ok(Access { mode, ..access })
    })
}

/// QSOCK_NAME_OWNER: as chown(2).
fn set_owner(sock: &Socket<QueueSocket>, value: &OptIn) -> Result {
    if value.len() != 8 {
        return Err(EINVAL);
    }
    let [a, b, c, d, e, f, g, h] = value.bytes()?;
    let uid = u32::from_ne_bytes([a, b, c, d]);
    let gid = u32::from_ne_bytes([e, f, g, h]);
    let net = sock.sk().net();
    own_name(sock)?.change_access(|mut access| {
        let is_owner = access.owner == crate::net::cred::current_fsuid();
        if uid != KEEP {
            let owner: Kuid = crate::net::cred::kuid(uid).ok_or(EINVAL)?;
            if owner != access.owner && !net.capable(CAP_CHOWN) {
                return Err(EPERM);
            }
            access.owner = owner;
        }
        if gid != KEEP {
            let group = Kgid::new(gid).ok_or(EINVAL)?;
            let is_given = is_owner && group.has_current();
            if !is_given && !net.capable(CAP_CHOWN) {
                return Err(EPERM);
            }
            access.group = group;
        }
        if !is_owner && !net.capable(CAP_CHOWN) {
            return Err(EPERM);
        }
        Ok(access)
    })
}

/// Owner and permissions of a name that the socket is about to bind: what
/// fchmod(2) and fchown(2) made of the socket, or else those of the current
/// task.
pub(super) fn first_access(sock: &Socket<QueueSocket>, name: NameRef<'_>) -> Access {
    let mut access = Access::new(name, sock.inode_mode());
    let (owner, group) = sock.inode_owner();
    if owner != sock.creator.0 {
        access.owner = owner;
    }
    if group != sock.creator.1 {
        access.group = group;
    }
    access
}
