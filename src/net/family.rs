// SPDX-License-Identifier: GPL-2.0

//! Registering a socket family.
//!
//! C headers: [`include/linux/net.h`](srctree/include/linux/net.h),
//! [`include/net/sock.h`](srctree/include/net/sock.h)

use super::{
    diag::DiagRegistration,
    netns::{pernet_operations, Net, PernetRegistration},
    ops::SocketOps,
    proto_ops::{proto_ops, set_custom_sockopt, Shim},
    sock::{FamilySock, NewSock},
    uapi::{SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM}, //
};
use crate::bindings;
use core::{cell::UnsafeCell, marker::PhantomData, mem::MaybeUninit};
use kernel::{
    error::{from_result, to_result},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    types::Opaque, //
};
use pin_init::PinInit;

/// A family of sockets.
pub(crate) trait SocketFamily: Sized + 'static {
    /// The name in /proc/net/protocols and of the slab; at most 31 bytes.
    const NAME: &'static CStr;

    /// The name in /proc/net of the file that lists the family's sockets, if
    /// there is one: it shows [`SocketOps::sight`].
    const PROC_NAME: Option<&'static CStr> = None;

    /// Whether sock_diag(7) shows the family's sockets, as
    /// [`SocketOps::sight`] has them.
    const DIAG: bool = false;

    /// What every socket of the family holds, and does.
    type Socket: SocketOps<Family = Self>;

    /// What the family keeps in each network namespace.
    type NetNs: Send + Sync + 'static;

    /// The static that holds the family's operations.
    fn family() -> &'static Family<Self>;

    /// Initialises what the family keeps in a new network namespace.
    fn netns() -> impl PinInit<Self::NetNs, Error>;

    /// The type that a socket gets that is created with type `kind`.
    fn kind(kind: u16) -> u16 {
        kind
    }

    /// Makes the data of a new socket, for socket(2) and socketpair(2). Sleeps.
    ///
    /// # Errors
    ///
    /// `EPROTONOSUPPORT` for a protocol and `ESOCKTNOSUPPORT` for a type that
    /// the family does not have.
    fn create(net: &Net, kind: u16, protocol: c_int) -> Result<impl PinInit<Self::Socket, Error>>;
}

/// The operations of each type of sockets, the same but for those of messages.
#[repr(C)]
struct AllOps {
    stream: bindings::proto_ops,
    seqpacket: bindings::proto_ops,
    datagram: bindings::proto_ops,
}

/// The operations of a family, in a static, because the core keeps pointers to
/// them.
///
/// # Invariants
///
/// The cells are written by [`Family::register`] only, while `registered` keeps
/// others out and before the core knows them; the core itself writes to what
/// it was given from then on.
pub(crate) struct Family<F> {
    registered: Atomic<bool>,
    net_id: UnsafeCell<u32>,
    ops: UnsafeCell<MaybeUninit<AllOps>>,
    proto: Opaque<bindings::proto>,
    family: UnsafeCell<MaybeUninit<bindings::net_proto_family>>,
    pernet: Opaque<bindings::pernet_operations>,
    diag: Opaque<bindings::sock_diag_handler>,
    _family: PhantomData<fn() -> F>,
}

// SAFETY: By the type invariants the cells are only read once others can reach
// them, or belong to the core.
unsafe impl<F> Sync for Family<F> {}

impl<F: SocketFamily> Family<F> {
    /// A family that is not registered.
    #[allow(clippy::new_without_default)]
    pub(crate) const fn new() -> Self {
        Self {
            registered: Atomic::new(false),
            net_id: UnsafeCell::new(0),
            ops: UnsafeCell::new(MaybeUninit::uninit()),
            proto: Opaque::uninit(),
            family: UnsafeCell::new(MaybeUninit::uninit()),
            pernet: Opaque::uninit(),
            diag: Opaque::uninit(),
            _family: PhantomData,
        }
    }

    /// The number that the family was registered with.
    pub(crate) fn number(&self) -> u16 {
        // SAFETY: There is no caller before `register` wrote the operations.
        unsafe { (*self.ops.get()).assume_init_ref() }.stream.family as u16
    }

    /// The family's `struct proto`.
    pub(super) fn proto(&self) -> *mut bindings::proto {
        self.proto.get()
    }

    /// Whether a socket that has `ops` is of this family.
    pub(super) fn has_ops(&self, ops: *const bindings::proto_ops) -> bool {
        [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]
            .iter()
            .any(|kind| core::ptr::eq(ops, self.ops_of(*kind)))
    }

    /// The operations of sockets of type `kind`.
    fn ops_of(&self, kind: u16) -> *const bindings::proto_ops {
        let ops: *const AllOps = self.ops.get().cast();
        // Projections only: nothing is read.
        // SAFETY: The cell has room for all.
        unsafe {
            match kind {
                SOCK_STREAM => &raw const (*ops).stream,
                SOCK_SEQPACKET => &raw const (*ops).seqpacket,
                _ => &raw const (*ops).datagram,
            }
        }
    }

    /// The index of the family's data in a network namespace.
    pub(super) fn net_id(&self) -> u32 {
        // SAFETY: Written by the core before it calls any operation.
        unsafe { *self.net_id.get() }
    }

    /// Registers the family under `number`, until the value returned is
    /// dropped. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if no family can have that number, `EEXIST` if one has it,
    /// `EBUSY` if this one is registered, `ENOMEM`.
    ///
    /// C functions: `register_pernet_subsys()`, `proto_register()`,
    /// `sock_register()`
    pub(crate) fn register(
        &'static self,
        module: &'static ThisModule,
        number: c_int,
    ) -> Result<Registration<F>> {
        if number <= 0 || number >= bindings::AF_MAX as c_int {
            return Err(EINVAL);
        }
        let free = self.registered.cmpxchg(false, true, Relaxed);
        free.map_err(|_| EBUSY)?;
        let result = self.register_parts(module, number);
        if result.is_err() {
            self.registered.store(false, Relaxed);
        }
        result
    }

    fn register_parts(
        &'static self,
        module: &'static ThisModule,
        number: c_int,
    ) -> Result<Registration<F>> {
        // SAFETY: `registered` keeps others out, and nothing has a pointer to
        // the cells yet.
        unsafe {
            let owner = module.as_ptr();
            (*self.ops.get()).write(AllOps {
                stream: proto_ops::<F::Socket, SOCK_STREAM>(owner, number),
                seqpacket: proto_ops::<F::Socket, SOCK_SEQPACKET>(owner, number),
                datagram: proto_ops::<F::Socket, SOCK_DGRAM>(owner, number),
            });
            self.proto.get().write(proto::<F>(module.as_ptr()));
            (*self.family.get()).write(bindings::net_proto_family {
                family: number,
                create: Some(create::<F>),
                owner: module.as_ptr(),
            });
            self.pernet
                .get()
                .write(pernet_operations::<F>(self.net_id.get()));
        }
        // In this order: a socket needs the protocol, its namespace the data.
        // SAFETY: The cells are in a static.
        let pernet = unsafe { PernetRegistration::new(self.pernet.get()) }?;
        let proto = ProtoRegistration::new(&self.proto)?;
        // SAFETY: The cell is in a static and was written above.
        to_result(unsafe { bindings::sock_register(self.family.get().cast()) })?;
        // Nothing fails from here: there may be sockets already.
        let diag = F::DIAG.then(|| {
            // SAFETY: The cell is in a static, and kept by `registered`; the
            // namespaces' data goes after the registration.
            unsafe { DiagRegistration::new::<F>(&self.diag, module.as_ptr(), number) }
        });
        if let Some(Err(_)) = diag {
            pr_warn!("sock_diag of family {number} belongs to another module\n");
        }
        // INVARIANT: All three registrations succeeded.
        Ok(Registration {
            number,
            family: self,
            _diag: diag.and_then(Result::ok),
            _proto: proto,
            _pernet: pernet,
        })
    }
}

/// A registered family. Dropping it takes the family back; the module's
/// reference count keeps that from happening while there are sockets.
///
/// # Invariants
///
/// The family is registered under `number`.
pub(crate) struct Registration<F: SocketFamily> {
    number: c_int,
    family: &'static Family<F>,
    // Dropped after the family is gone from the core, in this order.
    _diag: Option<DiagRegistration>,
    _proto: ProtoRegistration,
    _pernet: PernetRegistration,
}

impl<F: SocketFamily> Drop for Registration<F> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_unregister(self.number) };
        self.family.registered.store(false, Relaxed);
    }
}

/// A registered `struct proto`, which has a slab.
///
/// # Invariants
///
/// The protocol is registered.
struct ProtoRegistration(&'static Opaque<bindings::proto>);

// SAFETY: Unregistering may be done by any task.
unsafe impl Send for ProtoRegistration {}
// SAFETY: A shared reference gives access to nothing.
unsafe impl Sync for ProtoRegistration {}

impl ProtoRegistration {
    fn new(proto: &'static Opaque<bindings::proto>) -> Result<Self> {
        // SAFETY: The protocol is in a static and filled in.
        to_result(unsafe { bindings::proto_register(proto.get(), 1) })?;
        // INVARIANT: The registration succeeded.
        Ok(Self(proto))
    }
}

impl Drop for ProtoRegistration {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the module has no socket left.
        unsafe { bindings::proto_unregister(self.0.get()) }
    }
}

fn proto<F: SocketFamily>(owner: *mut bindings::module) -> bindings::proto {
    let mut proto = bindings::proto {
        owner,
        obj_size: const { size_of::<FamilySock<F::Socket>>() as u32 },
        ioctl: F::Socket::HAS_IOCTL.then_some(Shim::<F::Socket>::proto_ioctl),
        ..Default::default()
    };
    // The last byte stays NUL.
    let room = proto.name.len() - 1;
    let name = F::NAME.to_bytes().iter().take(room);
    for (to, from) in proto.name.iter_mut().zip(name) {
        *to = *from as c_char;
    }
    proto
}

/// # Safety
///
/// Called by the core for a new socket of the family.
unsafe extern "C" fn create<F: SocketFamily>(
    net: *mut bindings::net,
    sock: *mut bindings::socket,
    protocol: c_int,
    kern: c_int,
) -> c_int {
    from_result(|| {
        // SAFETY: The core passes a socket that is being created.
        let kind = F::kind(unsafe { (*sock).type_ } as u16);
        // SAFETY: The core holds the namespace for the call.
        let net = unsafe { Net::from_raw(net) };
        let data = F::create(net, kind, protocol)?;
        let new = NewSock::<F::Socket>::alloc(net, sock, kind, kern != 0, data)?;
        // Nothing fails from here: the core would not call `release`.
        // SAFETY: The socket is being created, nobody else uses it.
        unsafe {
            (*sock).ops = F::family().ops_of(kind);
            // The core takes a type that the family treats as another.
            (*sock).type_ = kind as c_short;
        }
        set_custom_sockopt::<F::Socket>(sock);
        new.into_socket();
        Ok(0)
    })
}
