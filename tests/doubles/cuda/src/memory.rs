//! Memory: places that the host can't touch, and the bytes behind them.

use std::collections::BTreeMap;
use std::ptr;

/// Pages of the host.
pub(crate) struct Pages {
    start: usize,
    bytes: usize,
}

/// Who may touch pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Everybody,
    Nobody,
}

impl Access {
    fn protection(self) -> i32 {
        match self {
            Self::Everybody => libc::PROT_READ | libc::PROT_WRITE,
            Self::Nobody => libc::PROT_NONE,
        }
    }
}

impl Pages {
    pub(crate) fn new(bytes: usize, access: Access) -> Self {
        let bytes = bytes.max(1).next_multiple_of(4096);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: new pages, anywhere.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), bytes, access.protection(), flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "no memory for {bytes} bytes");
        Self {
            start: start as usize,
            bytes,
        }
    }

    pub(crate) fn start(&self) -> usize {
        self.start
    }

    pub(crate) fn allow(&self, access: Access) {
        // SAFETY: pages of our own.
        let result =
            unsafe { libc::mprotect(self.start as *mut _, self.bytes, access.protection()) };
        assert_eq!(result, 0, "pages keep their protection");
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: pages of our own, which nobody uses any more.
        unsafe { libc::munmap(self.start as *mut _, self.bytes) };
    }
}

/// Memory that the device can use: an address that means nothing to the host, and the bytes.
pub(crate) struct Block {
    address: Pages,
    bytes: Pages,
    length: usize,
    /// The host can use the bytes, too.
    is_pinned: bool,
    /// Queued work that uses it.
    users: usize,
}

/// All memory that the device can use, by its address.
#[derive(Default)]
pub(crate) struct Memory {
    blocks: BTreeMap<usize, Block>,
}

impl Memory {
    /// Returns the device's address and the host's.
    pub(crate) fn allocate(&mut self, length: usize, is_pinned: bool) -> (usize, usize) {
        let block = Block {
            address: Pages::new(length, Access::Nobody),
            bytes: Pages::new(length, Access::Everybody),
            length,
            is_pinned,
            users: 0,
        };
        let places = (block.address.start(), block.bytes.start());
        // What nobody wrote is no number.
        // SAFETY: as many bytes as were asked for.
        unsafe { ptr::write_bytes(places.1 as *mut u8, 0xFF, length) };
        self.blocks.insert(places.0, block);
        places
    }

    /// How much queued work used such memory; `None` if there was none.
    pub(crate) fn free(&mut self, address: usize) -> Option<usize> {
        let block = self.blocks.remove(&address);
        block.map(|block| block.users)
    }

    /// The device's address of pinned memory that starts here.
    pub(crate) fn address_of(&self, host: usize) -> Option<usize> {
        let block = self
            .blocks
            .values()
            .find(|block| block.is_pinned && block.bytes.start() == host);
        block.map(|block| block.address.start())
    }

    /// Where the bytes behind an address of the device are, if there are so many.
    pub(crate) fn bytes_at(&self, address: usize, length: usize) -> Option<usize> {
        let (start, block) = self.blocks.range(..=address).next_back()?;
        let inside = address - start;
        let fits = length <= block.length.checked_sub(inside)?;
        fits.then(|| block.bytes.start() + inside)
    }

    /// Counts work that uses an address of the device, and keeps the host away from pinned memory
    /// meanwhile.
    pub(crate) fn use_by_work(&mut self, address: usize) {
        if let Some((_, block)) = self.blocks.range_mut(..=address).next_back() {
            block.users += 1;
            if block.is_pinned {
                block.bytes.allow(Access::Nobody);
            }
        }
    }

    /// The work is done.
    pub(crate) fn leave_to_host(&mut self, address: usize) {
        if let Some((_, block)) = self.blocks.range_mut(..=address).next_back() {
            block.users -= 1;
            if block.users == 0 {
                block.bytes.allow(Access::Everybody);
            }
        }
    }

    /// While work is done, it may touch what it uses.
    pub(crate) fn open(&self, address: usize) {
        if let Some((_, block)) = self.blocks.range(..=address).next_back() {
            block.bytes.allow(Access::Everybody);
        }
    }
}
