// SPDX-License-Identifier: GPL-2.0

//! Names: the table of those that are bound in one network namespace.
//!
//! Owns: what an address means ([`Name`], [`NameRef`]), who may use it ([`Access`])
//! and what it leads to ([`Entry`]).
//!
//! Imports: `net`, for credentials and errno names.
//!
//! Locks: `Names::table` and `Entry::access`, each taken alone and for one lookup
//! or change.

use crate::net::{
    addr::Address,
    cred::{current_fsuid, current_umask, Kgid},
    errno::{EADDRINUSE, ECONNREFUSED, EPROTOTYPE},
    netns::Net,
    uapi::CAP_DAC_OVERRIDE, //
};
use core::{cmp::Ordering, fmt::Write as _};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    str::Formatter,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
        Mutex,
        SetOnce, //
    },
    task::Kuid, //
};

/// The longest name, `QSOCK_NAME_MAX`, and the NUL that one of full length
/// lacks.
const NAME_MAX: usize = 108 + 1;

/// The names that [`Names::autobind`] chooses from, as AF_UNIX: five
/// hexadecimal digits.
const AUTOBIND_NAMES: u32 = 1 << 20;

/// A name, as `sqs_name` has it: all bytes of one that starts with NUL; those up
/// to and with its NUL of any other.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    bytes: [u8; NAME_MAX],
    /// Without the NUL at the end, which is there all the same.
    len: usize,
}

impl Name {
    /// The bytes, as getsockname(2) returns them.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        let nul = !NameRef::from(self).is_abstract();
        &self.bytes[..self.len + usize::from(nul)]
    }

    /// The name of autobind number `n`.
    fn autobind(n: u32) -> Result<Self> {
        let mut bytes = [0; NAME_MAX];
        let mut digits = Formatter::new(&mut bytes[1..6]);
        write!(digits, "{n:05x}").map_err(|_| EINVAL)?;
        Ok(Self { bytes, len: 6 })
    }
}

/// A name that is somewhere else: a [`Name`], or an address.
///
/// # Invariants
///
/// It is not empty, nor longer than fits in a [`Name`]. Unless it starts with NUL
/// it has none.
#[derive(Clone, Copy)]
pub(crate) struct NameRef<'a>(&'a [u8]);

impl<'a> NameRef<'a> {
    /// Reads the name in `addr`, which must be of `family`; `None` if it has the
    /// family alone.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an address that is too short, too long, or of another family.
    pub(crate) fn parse(addr: Address<'a>, family: u16) -> Result<Option<Self>> {
        let data = addr.data();
        if addr.family() != Some(family) || data.len() >= NAME_MAX {
            return Err(EINVAL);
        }
        Ok(match data.first() {
            None => None,
            Some(0) => Some(Self(data)),
            Some(_) => {
                let ended = CStr::from_bytes_until_nul(data);
                Some(Self(ended.map_or(data, CStr::to_bytes)))
            }
        })
    }

    /// Whether the name starts with NUL. Such names are apart for each type of
    /// socket, and no umask takes from their permissions.
    fn is_abstract(&self) -> bool {
        self.0.first() == Some(&0)
    }
}

impl<'a> From<&'a Name> for NameRef<'a> {
    fn from(name: &'a Name) -> Self {
        Self(&name.bytes[..name.len])
    }
}

impl From<NameRef<'_>> for Name {
    fn from(name: NameRef<'_>) -> Self {
        let mut bytes = [0; NAME_MAX];
        let len = name.0.len();
        bytes[..len].copy_from_slice(name.0);
        Self { bytes, len }
    }
}

/// Owner and permissions of a name. Whoever connects needs the write bit.
#[derive(Clone, Copy)]
pub(crate) struct Access {
    pub(crate) owner: Kuid,
    pub(crate) group: Kgid,
    /// The permission bits.
    pub(crate) mode: u16,
}

impl Access {
    /// What a name has that the current task binds for a socket with these
    /// permission bits.
    pub(crate) fn new(name: NameRef<'_>, mode: u16) -> Self {
        let mask = if name.is_abstract() {
            0
        } else {
            current_umask()
        };
        Self {
            owner: current_fsuid(),
            group: Kgid::current_fsgid(),
            mode: mode & 0o777 & !mask,
        }
    }

    /// Whether everybody may write, so that it does not matter who asks.
    fn is_open(&self) -> bool {
        self.mode & 0o222 == 0o222
    }

    /// Whether the current task may write in `net`.
    fn may_write(&self, net: &Net) -> bool {
        let class = if self.owner == current_fsuid() {
            self.mode >> 6
        } else if self.group.has_current() {
            self.mode >> 3
        } else {
            self.mode
        };
        class & 0o2 != 0 || net.capable(CAP_DAC_OVERRIDE)
    }
}

/// What finds a name: the type of socket counts for abstract names only.
struct Key<'a> {
    kind: Option<u16>,
    name: KeyName<'a>,
}

/// The name is the table's own, or where who looks for it has it.
enum KeyName<'a> {
    Own(Name),
    Ref(NameRef<'a>),
}

impl<'a> Key<'a> {
    /// What the table has.
    fn own(kind: u16, name: Name) -> Self {
        Self {
            kind: NameRef::from(&name).is_abstract().then_some(kind),
            name: KeyName::Own(name),
        }
    }

    /// What finds it there.
    fn new(kind: u16, name: NameRef<'a>) -> Self {
        Self {
            kind: name.is_abstract().then_some(kind),
            name: KeyName::Ref(name),
        }
    }

    fn parts(&self) -> (Option<u16>, &[u8]) {
        let name = match &self.name {
            KeyName::Own(name) => NameRef::from(name),
            KeyName::Ref(name) => *name,
        };
        (self.kind, name.0)
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Key<'_> {}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

/// A bound name and what it leads to, a `T`, once there is one.
#[pin_data]
pub(crate) struct Entry<T> {
    name: Name,
    kind: u16,
    #[pin]
    access: Mutex<Access>,
    /// [`Access::is_open`], for who finds the name.
    open: Atomic<bool>,
    target: SetOnce<T>,
}

impl<T> Entry<T> {
    /// The name.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// Who may use the name. Sleeps.
    pub(crate) fn access(&self) -> Access {
        *self.access.lock()
    }

    /// Changes who may use the name. Sleeps.
    ///
    /// # Errors
    ///
    /// What `change` returns; nothing is changed then.
    pub(crate) fn change_access(&self, change: impl FnOnce(Access) -> Result<Access>) -> Result {
        let mut access = self.access.lock();
        *access = change(*access)?;
        self.open.store(access.is_open(), Relaxed);
        Ok(())
    }

    /// Whether the current task may connect or send to it in `net`. Sleeps.
    fn may_write(&self, net: &Net) -> bool {
        self.open.load(Relaxed) || self.access().may_write(net)
    }

    /// Makes the name lead to `target`; what it leads to never changes.
    pub(crate) fn set_target(&self, target: T) -> bool {
        self.target.populate(target)
    }

    /// What the name leads to.
    pub(crate) fn target(&self) -> Option<&T> {
        self.target.as_ref()
    }
}

type Table<T> = RBTree<Key<'static>, Arc<Entry<T>>>;

/// The names of one network namespace.
#[pin_data]
pub(crate) struct Names<T> {
    #[pin]
    table: Mutex<Table<T>>,
    /// Counts the names that were chosen.
    autobound: Atomic<u32>,
}

impl<T: Send + Sync> Names<T> {
    /// No names.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            table <- new_mutex!(RBTree::new(), "names::Names::table"),
            autobound: Atomic::new(0),
        }? Error)
    }

    /// Binds `name` for a socket of type `kind`. Sleeps.
    ///
    /// # Errors
    ///
    /// `EADDRINUSE`, `ENOMEM`.
    pub(crate) fn bind(&self, kind: u16, name: Name, access: Access) -> Result<Arc<Entry<T>>> {
        let entry = Arc::pin_init(
            pin_init!(Entry {
                name,
                kind,
                open: Atomic::new(access.is_open()),
                access <- new_mutex!(access, "names::Entry::access"),
                target: SetOnce::new(),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let node = RBTreeNode::new(Key::own(kind, name), entry.clone(), GFP_KERNEL_ACCOUNT)?;
        let mut table = self.table.lock();
        // Insertion would replace what is there.
        if table.get(&Key::new(kind, NameRef::from(&name))).is_some() {
            return Err(EADDRINUSE.into());
        }
        table.insert(node);
        Ok(entry)
    }

    /// Binds a name of our choice. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if all are in use, `ENOMEM`.
    pub(crate) fn autobind(
        &self,
        kind: u16,
        access: impl Fn(NameRef<'_>) -> Access,
    ) -> Result<Arc<Entry<T>>> {
        self.autobind_among(AUTOBIND_NAMES, kind, access)
    }

    /// [`Self::autobind`] with `count` names to choose from.
    fn autobind_among(
        &self,
        count: u32,
        kind: u16,
        access: impl Fn(NameRef<'_>) -> Access,
    ) -> Result<Arc<Entry<T>>> {
        for _ in 0..count {
            let n = self.autobound.fetch_add(1, Relaxed) % count;
            let name = Name::autobind(n)?;
            match self.bind(kind, name, access(NameRef::from(&name))) {
                Err(e) if e == Error::from(EADDRINUSE) => {}
                result => return result,
            }
            if kernel::current!().signal_pending() {
                return Err(ERESTARTSYS);
            }
        }
        Err(ENOSPC)
    }

    /// Finds `name` for the current task, to connect or send to it from a socket
    /// of type `kind` in `net`. Sleeps.
    ///
    /// # Errors
    ///
    /// `ECONNREFUSED` if nobody bound it, `EACCES` without permission to write,
    /// `EPROTOTYPE` if a socket of another type did.
    pub(crate) fn find(&self, net: &Net, kind: u16, name: NameRef<'_>) -> Result<Arc<Entry<T>>> {
        let entry = self.table.lock().get(&Key::new(kind, name)).cloned();
        let entry = entry.ok_or(ECONNREFUSED)?;
        if !entry.may_write(net) {
            return Err(EACCES);
        }
        if entry.kind != kind {
            return Err(EPROTOTYPE.into());
        }
        Ok(entry)
    }

    /// Takes the name of `entry` away, which was bound here. Sleeps.
    pub(crate) fn unbind(&self, entry: &Entry<T>) {
        let node = self
            .table
            .lock()
            .remove_node(&Key::own(entry.kind, entry.name));
        // Freed here, not under the lock.
        drop(node);
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
