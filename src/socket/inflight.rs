// SPDX-License-Identifier: GPL-2.0

//! Files in flight: sent, and not received.
//!
//! They count against RLIMIT_NOFILE of the user who sent them. Those that are
//! sockets of this family are known here by themselves, so that
//! [`super::collect`] finds cycles: sockets that are left in each other's
//! queues and nowhere else.

use super::{ancillary::initial, collect, QueueSocket};
use crate::net::{
    cred::{current_uid, may_exceed_nofile, nofile_limit},
    errno::ETOOMANYREFS,
    file::FileRef,
    scm::Files,
    work::Work, //
};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{self, RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
        Mutex, //
    }, //
};

/// A socket of this family that is in flight.
pub(super) struct FlyingSocket {
    /// Keeps the socket while it is in the table: one reference that no queue
    /// has.
    pub(super) file: FileRef,
    /// How often it is in flight.
    pub(super) count: usize,
    /// What the collector makes of it.
    pub(super) found: collect::Found,
}

/// The table of all that is in flight.
#[derive(Default)]
pub(super) struct Table {
    /// Files by user.
    users: Option<RBTree<u32, usize>>,
    /// The memory of a user who has none in flight any more, for the next.
    spare: Option<RBTreeNodeReservation<u32, usize>>,
    pub(super) sockets: Option<RBTree<usize, FlyingSocket>>,
}

/// There are sockets in the table. Beside it: each close asks this alone.
static ANY_SOCKET: Atomic<bool> = Atomic::new(false);

/// What is in flight, and the work that looks for cycles in it.
#[pin_data]
pub(crate) struct InFlights {
    // Taken before the mutexes of any queue, but for that of a stream's readers.
    #[pin]
    table: Mutex<Table>,
    #[pin]
    collector: Work,
}

impl InFlights {
    /// Nothing.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            table <- new_mutex!(Table::default(), "socket::InFlights::table"),
            collector <- Work::new(collect::run),
        })
    }

    /// Calls `with` with the table. Sleeps.
    pub(super) fn with_table<R>(&self, with: impl FnOnce(&mut Table) -> R) -> R {
        with(&mut self.table.lock())
    }
}

/// A socket was closed: what it kept reachable may be garbage now.
pub(super) fn collect_later() {
    if ANY_SOCKET.load(Relaxed) {
        initial().in_flight.collector.queue();
    }
}

impl Table {
    /// Remembers whether there are sockets, for who reads that without the mutex.
    fn tell_sockets(&self) {
        let none = self.sockets.as_ref().is_none_or(RBTree::is_empty);
        ANY_SOCKET.store(!none, Relaxed);
    }

    /// The files that `uid` has in flight.
    fn user(&self, uid: u32) -> usize {
        let users = self.users.as_ref();
        users
            .and_then(|users| users.get(&uid))
            .copied()
            .unwrap_or(0)
    }

    /// Counts `files` of `uid`, with the entries for those that are sockets. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and then nothing is counted.
    fn add(&mut self, uid: u32, files: &Files, own: OwnSockets) -> Result {
        let users = self.users.get_or_insert_with(RBTree::new);
        match users.entry(uid) {
            rbtree::Entry::Occupied(mut count) => *count.get_mut() += files.len(),
            rbtree::Entry::Vacant(place) => {
                // Charged to nobody: the next user may be another.
                let memory = self
                    .spare
                    .take()
                    .map_or_else(|| RBTreeNodeReservation::new(GFP_KERNEL), Ok)?;
                place.insert(files.len(), memory);
            }
        }
        if own.is_empty() {
            return Ok(());
        }
        let sockets = self.sockets.get_or_insert_with(RBTree::new);
        for (id, node) in own {
            match sockets.get_mut(&id) {
                Some(socket) => socket.count += 1,
                None => {
                    sockets.insert(node);
                }
            }
        }
        Ok(())
    }

    /// Takes back what [`Self::add`] counted.
    fn remove(&mut self, uid: u32, files: &Files) {
        if let Some(mut count) = self.users.as_mut().and_then(|users| users.find_mut(&uid)) {
            *count.get_mut() = count.get().saturating_sub(files.len());
            if *count.get() == 0 {
                self.spare = Some(count.remove_node().into_reservation());
            }
        }
        let sockets = self.sockets.as_mut();
        if let Some(sockets) = sockets.filter(|sockets| !sockets.is_empty()) {
            for file in files.iter().filter(|file| is_own(file)) {
                if let Some(socket) = sockets.get_mut(&file.id()) {
                    socket.count = socket.count.saturating_sub(1);
                    if socket.count == 0 {
                        sockets.remove_node(&file.id());
                    }
                }
            }
        }
    }
}

/// The entries of sockets of this family, each with the number of its file.
type OwnSockets = KVec<(usize, RBTreeNode<usize, FlyingSocket>)>;

/// The entries that those of `files` need which are sockets of this family.
fn own_sockets(files: &Files) -> Result<OwnSockets> {
    let flags = GFP_KERNEL_ACCOUNT;
    let mut sockets = KVec::new();
    for file in files.iter().filter(|file| is_own(file)) {
        let socket = FlyingSocket {
            file: file.clone(),
            count: 1,
            found: collect::Found::default(),
        };
        let node = RBTreeNode::new(file.id(), socket, flags)?;
        sockets.push((file.id(), node), flags)?;
    }
    Ok(sockets)
}

/// Whether the file is a socket of this family.
fn is_own(file: &FileRef) -> bool {
    file.socket::<QueueSocket>().is_some()
}

/// Files that the table counts, until this is dropped.
struct Counted {
    /// Emptied when the flight ends.
    files: Option<Files>,
    /// Who sent them.
    uid: u32,
}

impl Counted {
    /// Ends the flight; `table` is that of all.
    fn take(&mut self, table: &mut Table) -> Option<Files> {
        let files = self.files.take()?;
        table.remove(self.uid, &files);
        table.tell_sockets();
        Some(files)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.files.is_some() {
            drop(initial().in_flight.with_table(|table| self.take(table)));
        }
    }
}

/// The files of one message, while they are in flight.
#[pin_data]
pub(super) struct InFlight {
    // Taken after the table's mutex and those of the queue.
    #[pin]
    files: Mutex<Counted>,
}

impl InFlight {
    /// Sends `files` on their way. Sleeps.
    ///
    /// # Errors
    ///
    /// `ETOOMANYREFS` if the user has more than RLIMIT_NOFILE in flight, with
    /// neither CAP_SYS_RESOURCE nor CAP_SYS_ADMIN; `ENOMEM`.
    pub(super) fn new(files: Files) -> Result<Arc<Self>> {
        let uid = current_uid();
        let own = own_sockets(&files)?;
        let this = Arc::pin_init(
            pin_init!(Self {
                files <- new_mutex!(Counted { files: None, uid }, "socket::InFlight::files"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        initial().in_flight.with_table(|table| {
            if table.user(uid) > nofile_limit() && !may_exceed_nofile() {
                return Err(Error::from(ETOOMANYREFS));
            }
            table.add(uid, &files, own)?;
            table.tell_sockets();
            this.files.lock().files = Some(files);
            Ok(())
        })?;
        Ok(this)
    }

    /// Ends the flight, and returns the files, unless another call did. Sleeps.
    pub(super) fn take(&self) -> Option<Files> {
        let in_flight = &initial().in_flight;
        in_flight.with_table(|table| self.files.lock().take(table))
    }

    /// The same files once more. Sleeps.
    ///
    /// Under the table's mutex, so that the collector does not miss that they
    /// are somewhere else too.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EAGAIN` if another call took them.
    pub(super) fn dup(&self) -> Result<Files> {
        initial()
            .in_flight
            .with_table(|_| self.files.lock().files.as_ref().ok_or(EAGAIN)?.dup())
    }

    /// Shows `see` each file. Sleeps.
    pub(super) fn for_each(&self, see: impl FnMut(&FileRef)) {
        if let Some(files) = &self.files.lock().files {
            files.iter().for_each(see)
        }
    }
}
