// SPDX-License-Identifier: GPL-2.0

//! The memory that policies are compiled into, as src/policy/memory.rs has it
//! for the kernel.

use std::ops::{Deref, DerefMut};

/// There is no memory.
#[derive(Debug)]
pub(crate) struct NoMemory;

/// A list that grows, or says that it cannot.
pub(crate) struct List<T>(Vec<T>);

impl<T> List<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, item: T) -> Result<(), NoMemory> {
        self.0.try_reserve(1).map_err(|_| NoMemory)?;
        self.0.push(item);
        Ok(())
    }
}

impl<T: Clone> List<T> {
    pub(crate) fn filled(item: T, len: usize) -> Result<Self, NoMemory> {
        let mut list = Vec::new();
        list.try_reserve_exact(len).map_err(|_| NoMemory)?;
        list.resize(len, item);
        Ok(Self(list))
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
