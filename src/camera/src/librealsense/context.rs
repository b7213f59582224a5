//! Who sees devices come and go.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use realsense_sys as sys;

use super::api::Api;
use super::device::Device;
use super::error::CallError;
use super::handle::Handle;
use super::library::Librealsense;

/// How often devices have come and gone. Any thread may look.
#[derive(Debug, Default)]
pub struct DeviceChanges {
    added: AtomicU64,
    removed: AtomicU64,
}

impl DeviceChanges {
    /// Devices that have come since the context was opened.
    pub fn added(&self) -> u64 {
        self.added.load(Ordering::Acquire)
    }

    /// Devices that have gone, as far as somebody held them.
    pub fn removed(&self) -> u64 {
        self.removed.load(Ordering::Acquire)
    }
}

#[cfg(feature = "double")]
impl DeviceChanges {
    /// As if the library had told that a device has come.
    pub fn tell_added(&self) {
        self.added.fetch_add(1, Ordering::Release);
    }

    /// As if the library had told that a device has gone.
    pub fn tell_removed(&self) {
        self.removed.fetch_add(1, Ordering::Release);
    }
}

/// What the library's thread is given with each change. It is never given back: nobody can tell whether a
/// change is being told just when a context is closed.
struct Listener {
    api: &'static Api,
    changes: Arc<DeviceChanges>,
}

/// The library's view of this machine. Opening one takes up to 20 ms and closing one 100 ms, so a process
/// keeps one.
#[derive(Debug)]
pub struct Context {
    handle: Handle<sys::rs2_context>,
    changes: Arc<DeviceChanges>,
}

impl Context {
    /// Opens the library's view of this machine.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn open(library: Librealsense) -> Result<Self, CallError> {
        let version = library.version().number();
        // SAFETY: a plain call; the library's own version is always accepted.
        let raw = library.ask(|api, error| unsafe { (api.rs2_create_context)(version, error) })?;
        // SAFETY: the context was made for us by the call above.
        let handle = unsafe {
            Handle::take(
                library,
                raw,
                library.api().rs2_delete_context,
                "rs2_create_context",
            )
        }?;
        let changes = Arc::new(DeviceChanges::default());
        let listener: &'static Listener = Box::leak(Box::new(Listener {
            api: library.api(),
            changes: Arc::clone(&changes),
        }));
        // SAFETY: `changed` has the callback's signature and only reads the listener, which lives for ever.
        library.ask(|api, error| unsafe {
            (api.rs2_set_devices_changed_callback)(
                handle.raw(),
                Some(changed),
                std::ptr::from_ref(listener).cast_mut().cast(),
                error,
            );
        })?;
        Ok(Self { handle, changes })
    }

    /// The library.
    pub fn library(&self) -> Librealsense {
        self.handle.library()
    }

    /// How often devices have come and gone.
    pub fn changes(&self) -> Arc<DeviceChanges> {
        Arc::clone(&self.changes)
    }

    /// The devices that are connected now.
    ///
    /// # Errors
    /// [`CallError`]; a device that went away while it was looked at is left out.
    pub fn devices(&self) -> Result<Vec<Device>, CallError> {
        let library = self.library();
        // SAFETY: the context is alive.
        let raw = library
            .ask(|api, error| unsafe { (api.rs2_query_devices)(self.handle.raw(), error) })?;
        let release = library.api().rs2_delete_device_list;
        // SAFETY: the list was made for us by the call above.
        let list = unsafe { Handle::take(library, raw, release, "rs2_query_devices") }?;
        // SAFETY: the list is alive.
        let count =
            library.ask(|api, error| unsafe { (api.rs2_get_device_count)(list.raw(), error) })?;
        let devices = (0..count).filter_map(|index| {
            // SAFETY: the list is alive and has more than `index` entries.
            let raw = library
                .ask(|api, error| unsafe { (api.rs2_create_device)(list.raw(), index, error) });
            // SAFETY: the device was made for us by the call above.
            raw.and_then(|raw| unsafe { Device::take(library, raw, "rs2_create_device") })
                .inspect_err(|error| log::debug!("looking at a camera: {error}"))
                .ok()
        });
        Ok(devices.collect())
    }

    /// Opens a recording as a device.
    ///
    /// # Errors
    /// [`CallError`], if there is no such file or the library can't play it.
    pub fn play(&self, file: &Path) -> Result<Device, CallError> {
        let name = c_path(file)?;
        let library = self.library();
        // SAFETY: the context is alive, and the name is a text that ends with a zero.
        let raw = library.ask(|api, error| unsafe {
            (api.rs2_context_add_device)(self.handle.raw(), name.as_ptr(), error)
        })?;
        // SAFETY: the device was made for us by the call above.
        unsafe { Device::take(library, raw, "rs2_context_add_device") }
    }

    /// Takes a recording out again.
    ///
    /// # Errors
    /// [`CallError`], if it isn't there.
    pub fn forget(&self, file: &Path) -> Result<(), CallError> {
        let name = c_path(file)?;
        // SAFETY: as above.
        self.library().ask(|api, error| unsafe {
            (api.rs2_context_remove_device)(self.handle.raw(), name.as_ptr(), error);
        })
    }
}

pub(super) fn c_path(file: &Path) -> Result<CString, CallError> {
    CString::new(file.as_os_str().as_bytes()).map_err(|_nul| CallError {
        kind: 3,
        function: "open".to_owned(),
        message: format!("{file:?} has a zero in its name"),
    })
}

/// Called on a thread of the library's; both lists are the callee's to delete.
unsafe extern "C" fn changed(
    removed: *mut sys::rs2_device_list,
    added: *mut sys::rs2_device_list,
    listener: *mut std::ffi::c_void,
) {
    // SAFETY: the listener that was registered with this callback, see `Context::open`.
    let Listener { api, changes } = unsafe { &*listener.cast::<Listener>() };
    for (list, count) in [(removed, &changes.removed), (added, &changes.added)] {
        if list.is_null() {
            continue;
        }
        // SAFETY: the library gives both lists away; each is counted, then deleted, once. A null pointer says
        // that no error is wanted.
        let devices = unsafe {
            let devices = (api.rs2_get_device_count)(list, std::ptr::null_mut());
            (api.rs2_delete_device_list)(list);
            devices
        };
        count.fetch_add(u64::try_from(devices).unwrap_or(0), Ordering::Release);
    }
}
