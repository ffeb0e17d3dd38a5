// SPDX-License-Identifier: GPL-2.0

//! The memory that [`rules`](super::rules) are compiled into: the one thing of
//! the kernel that the language needs. tools/qsockctl has a module of the same
//! name over the standard library's.

pub(crate) use kernel::alloc::AllocError as NoMemory;

use core::ops::{Deref, DerefMut};
use kernel::{alloc::flags::*, prelude::*};

/// A list that grows, or says that it cannot.
pub(crate) struct List<T>(KVVec<T>);

impl<T> List<T> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self(KVVec::new())
    }

    /// Adds `item`. Sleeps.
    pub(crate) fn push(&mut self, item: T) -> Result<(), NoMemory> {
        self.0.push(item, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)
    }
}

impl<T: Clone> List<T> {
    /// A list of `len` times `item`. Sleeps.
    pub(crate) fn filled(item: T, len: usize) -> Result<Self, NoMemory> {
        KVVec::from_elem(item, len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN).map(Self)
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}
