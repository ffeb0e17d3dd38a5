// SPDX-License-Identifier: GPL-2.0

//! The collector of sockets that are in flight and out of everybody's reach.
//!
//! A socket in flight whose references are all those of queues, and of the
//! table, is a candidate. One that lies in a queue of a socket that is none is
//! within reach, and so is what its own queue holds. What remains lies in
//! queues of each other alone: their messages are dropped, and with those the
//! last references.
//!
//! The table's mutex is held until the garbage is known. Nobody takes a file out
//! of a queue, or looks at one, without it: so a candidate gets no reference
//! from a queue meanwhile, and from nowhere else, because it has none there.

use super::{
    ancillary::initial,
    inflight::Table,
    QueueSocket, //
};
use crate::net::file::FileRef;
use kernel::prelude::*;

/// What the collector knows of a socket in flight.
#[derive(Default)]
pub(super) struct Found {
    candidate: bool,
    /// How often it is in a candidate's queue.
    within: usize,
    reached: bool,
}

/// Collects what is out of reach. Sleeps.
///
/// Without memory it does nothing; the next socket that is closed starts it
/// anew.
pub(super) fn run() {
    let garbage = initial()
        .in_flight
        .with_table(|table| garbage(table).unwrap_or_default());
    for file in &garbage {
        if let Some(sock) = file.socket::<QueueSocket>() {
            sock.purge();
        }
    }
}

/// The sockets that are out of reach.
fn garbage(table: &mut Table) -> Result<KVec<FileRef>> {
    let mut candidates = KVec::new();
    for socket in table.sockets.iter_mut().flat_map(|tree| tree.values_mut()) {
        socket.found = Found {
            // The table has one of its own.
            candidate: socket.file.references() == socket.count + 1,
            ..Found::default()
        };
        if socket.found.candidate {
            candidates.push(socket.file.id(), GFP_KERNEL)?;
        }
    }

    for id in &candidates {
        for_each_in_queue(table, *id, |found| found.within += 1);
    }

    let mut reached = KVec::with_capacity(candidates.len(), GFP_KERNEL)?;
    for id in &candidates {
        if let Some(socket) = table.sockets.as_mut().and_then(|tree| tree.get_mut(id)) {
            if socket.found.within < socket.count {
                socket.found.reached = true;
                reached.push(*id, GFP_KERNEL)?;
            }
        }
    }
    let mut failed = Ok(());
    while let Some(id) = reached.pop() {
        let mut more = KVec::new();
        for_each_in_queue_by_id(table, id, |id, found| {
            if !found.reached {
                found.reached = true;
                failed = failed.and(more.push(id, GFP_KERNEL).map_err(Error::from));
            }
        });
        failed?;
        for id in more {
            reached.push(id, GFP_KERNEL)?;
        }
    }

    let mut garbage = KVec::new();
    for id in &candidates {
        if let Some(socket) = table.sockets.as_ref().and_then(|tree| tree.get(id)) {
            if !socket.found.reached {
                garbage.push(socket.file.clone(), GFP_KERNEL)?;
            }
        }
    }
    Ok(garbage)
}

/// Shows `see` each candidate that is in the queue of socket `id`, as often as it
/// is there.
fn for_each_in_queue(table: &mut Table, id: usize, mut see: impl FnMut(&mut Found)) {
    for_each_in_queue_by_id(table, id, |_, found| see(found))
}

fn for_each_in_queue_by_id(table: &mut Table, id: usize, mut see: impl FnMut(usize, &mut Found)) {
    let Some(sockets) = &mut table.sockets else {
        return;
    };
    // A reference of our own, because the table changes.
    let Some(file) = sockets.get(&id).map(|socket| socket.file.clone()) else {
        return;
    };
    let Some(sock) = file.socket::<QueueSocket>() else {
        return;
    };
    sock.for_each_file(&mut |file: &FileRef| {
        if let Some(socket) = sockets.get_mut(&file.id()) {
            if socket.found.candidate {
                see(file.id(), &mut socket.found);
            }
        }
    });
}
