// SPDX-License-Identifier: GPL-2.0
//! errno, and results as C has them.

use libc::c_int;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

impl Errno {
    /// What the last call of this thread left.
    pub fn last() -> Errno {
        // SAFETY: The C library's errno is valid in each thread.
        Errno(unsafe { *libc::__errno_location() })
    }

    /// Leaves it for the program.
    pub fn leave(self) {
        // SAFETY: As above.
        unsafe { *libc::__errno_location() = self.0 }
    }

    /// The same, and what a call that fails returns.
    pub fn fail<T: From<i8>>(self) -> T {
        self.leave();
        T::from(-1)
    }
}

/// What a call returned, or its errno.
pub fn check<T: PartialOrd + From<i8>>(returned: T) -> Result<T, Errno> {
    if returned < T::from(0) {
        Err(Errno::last())
    } else {
        Ok(returned)
    }
}

/// The other way round.
pub fn give<T: From<i8>>(result: Result<T, Errno>) -> T {
    result.unwrap_or_else(Errno::fail)
}
