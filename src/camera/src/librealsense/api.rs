//! The functions of librealsense that are used, with signatures that the compiler has compared.
//!
//! `table!` makes of each list a struct of function pointers, a loader, and a function that is never
//! called: it assigns each function of `realsense-sys` to a pointer of the type that stands here, and so
//! compiles only if both say the same. Nothing refers to the library itself, so nothing links to it.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use realsense_sys as sys;

/// Where a call puts its error; every fallible function's last argument.
pub(super) type ErrorSlot = *mut *mut sys::rs2_error;

macro_rules! functions {
    ($(#[$doc:meta])* $table:ident { $($name:ident: fn($($argument:ty),* $(,)?) $(-> $result:ty)?;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(in crate::librealsense) struct $table {
            $(pub(in crate::librealsense) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl $table {
            /// Finds every function.
            ///
            /// # Safety
            /// The library is librealsense 2, whose functions have these signatures, and stays loaded for as
            /// long as the table is used.
            pub(in crate::librealsense) unsafe fn find(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $($name: {
                        // SAFETY: the signature is the header's, as the caller promises for this library; for
                        // those of `realsense-sys` the compiler has compared it.
                        unsafe { *library.get(concat!(stringify!($name), "\0").as_bytes())? }
                    },)*
                })
            }
        }
    };
}

macro_rules! table {
    ($(#[$doc:meta])* $table:ident { $($name:ident: fn($($argument:ty),* $(,)?) $(-> $result:ty)?;)* }) => {
        functions! { $(#[$doc])* $table { $($name: fn($($argument),*) $(-> $result)?;)* } }

        const _: () = {
            #[expect(dead_code, reason = "compiling it is the comparison")]
            fn have_the_signatures_of_the_crate() {
                $(let _: unsafe extern "C" fn($($argument),*) $(-> $result)? = sys::$name;)*
            }
        };
    };
}

table! {
    /// What a camera needs. All of it has been there since before 2.54.
    Api {
        rs2_get_api_version: fn(ErrorSlot) -> c_int;
        rs2_get_error_message: fn(*const sys::rs2_error) -> *const c_char;
        rs2_get_failed_function: fn(*const sys::rs2_error) -> *const c_char;
        rs2_get_librealsense_exception_type: fn(*const sys::rs2_error) -> sys::rs2_exception_type;
        rs2_free_error: fn(*mut sys::rs2_error);

        rs2_create_context: fn(c_int, ErrorSlot) -> *mut sys::rs2_context;
        rs2_delete_context: fn(*mut sys::rs2_context);
        rs2_set_devices_changed_callback: fn(*const sys::rs2_context, sys::rs2_devices_changed_callback_ptr, *mut c_void, ErrorSlot);
        rs2_context_add_device: fn(*mut sys::rs2_context, *const c_char, ErrorSlot) -> *mut sys::rs2_device;
        rs2_context_remove_device: fn(*mut sys::rs2_context, *const c_char, ErrorSlot);
        rs2_query_devices: fn(*const sys::rs2_context, ErrorSlot) -> *mut sys::rs2_device_list;
        rs2_get_device_count: fn(*const sys::rs2_device_list, ErrorSlot) -> c_int;
        rs2_delete_device_list: fn(*mut sys::rs2_device_list);
        rs2_create_device: fn(*const sys::rs2_device_list, c_int, ErrorSlot) -> *mut sys::rs2_device;
        rs2_delete_device: fn(*mut sys::rs2_device);
        rs2_get_device_info: fn(*const sys::rs2_device, sys::rs2_camera_info, ErrorSlot) -> *const c_char;
        rs2_supports_device_info: fn(*const sys::rs2_device, sys::rs2_camera_info, ErrorSlot) -> c_int;
        rs2_is_device_extendable_to: fn(*const sys::rs2_device, sys::rs2_extension, ErrorSlot) -> c_int;
        rs2_hardware_reset: fn(*const sys::rs2_device, ErrorSlot);
        rs2_load_json: fn(*mut sys::rs2_device, *const c_void, c_uint, ErrorSlot);

        rs2_playback_device_set_real_time: fn(*const sys::rs2_device, c_int, ErrorSlot);
        rs2_playback_device_get_current_status: fn(*const sys::rs2_device, ErrorSlot) -> sys::rs2_playback_status;
        rs2_playback_device_pause: fn(*const sys::rs2_device, ErrorSlot);
        rs2_playback_device_resume: fn(*const sys::rs2_device, ErrorSlot);
        rs2_playback_get_duration: fn(*const sys::rs2_device, ErrorSlot) -> c_ulonglong;
        rs2_playback_get_position: fn(*const sys::rs2_device, ErrorSlot) -> c_ulonglong;

        rs2_create_record_device_ex: fn(*const sys::rs2_device, *const c_char, c_int, ErrorSlot) -> *mut sys::rs2_device;
        rs2_record_device_pause: fn(*const sys::rs2_device, ErrorSlot);
        rs2_record_device_resume: fn(*const sys::rs2_device, ErrorSlot);

        rs2_query_sensors: fn(*const sys::rs2_device, ErrorSlot) -> *mut sys::rs2_sensor_list;
        rs2_get_sensors_count: fn(*const sys::rs2_sensor_list, ErrorSlot) -> c_int;
        rs2_create_sensor: fn(*const sys::rs2_sensor_list, c_int, ErrorSlot) -> *mut sys::rs2_sensor;
        rs2_delete_sensor_list: fn(*mut sys::rs2_sensor_list);
        rs2_delete_sensor: fn(*mut sys::rs2_sensor);
        rs2_get_sensor_info: fn(*const sys::rs2_sensor, sys::rs2_camera_info, ErrorSlot) -> *const c_char;
        rs2_supports_sensor_info: fn(*const sys::rs2_sensor, sys::rs2_camera_info, ErrorSlot) -> c_int;
        rs2_open_multiple: fn(*mut sys::rs2_sensor, *mut *const sys::rs2_stream_profile, c_int, ErrorSlot);
        rs2_close: fn(*const sys::rs2_sensor, ErrorSlot);
        rs2_start_queue: fn(*const sys::rs2_sensor, *mut sys::rs2_frame_queue, ErrorSlot);
        rs2_stop: fn(*const sys::rs2_sensor, ErrorSlot);

        rs2_get_stream_profiles: fn(*mut sys::rs2_sensor, ErrorSlot) -> *mut sys::rs2_stream_profile_list;
        rs2_get_stream_profiles_count: fn(*const sys::rs2_stream_profile_list, ErrorSlot) -> c_int;
        rs2_get_stream_profile: fn(*const sys::rs2_stream_profile_list, c_int, ErrorSlot) -> *const sys::rs2_stream_profile;
        rs2_delete_stream_profiles_list: fn(*mut sys::rs2_stream_profile_list);
        rs2_get_stream_profile_data: fn(*const sys::rs2_stream_profile, *mut sys::rs2_stream, *mut sys::rs2_format, *mut c_int, *mut c_int, *mut c_int, ErrorSlot);
        rs2_stream_profile_is: fn(*const sys::rs2_stream_profile, sys::rs2_extension, ErrorSlot) -> c_int;
        rs2_get_video_stream_resolution: fn(*const sys::rs2_stream_profile, *mut c_int, *mut c_int, ErrorSlot);
        rs2_get_video_stream_intrinsics: fn(*const sys::rs2_stream_profile, *mut sys::rs2_intrinsics, ErrorSlot);
        rs2_get_extrinsics: fn(*const sys::rs2_stream_profile, *const sys::rs2_stream_profile, *mut sys::rs2_extrinsics, ErrorSlot);

        rs2_supports_option: fn(*const sys::rs2_options, sys::rs2_option, ErrorSlot) -> c_int;
        rs2_is_option_read_only: fn(*const sys::rs2_options, sys::rs2_option, ErrorSlot) -> c_int;
        rs2_get_option: fn(*const sys::rs2_options, sys::rs2_option, ErrorSlot) -> f32;
        rs2_set_option: fn(*const sys::rs2_options, sys::rs2_option, f32, ErrorSlot);
        rs2_get_option_range: fn(*const sys::rs2_options, sys::rs2_option, *mut f32, *mut f32, *mut f32, *mut f32, ErrorSlot);

        rs2_create_frame_queue: fn(c_int, ErrorSlot) -> *mut sys::rs2_frame_queue;
        rs2_delete_frame_queue: fn(*mut sys::rs2_frame_queue);
        rs2_try_wait_for_frame: fn(*mut sys::rs2_frame_queue, c_uint, *mut *mut sys::rs2_frame, ErrorSlot) -> c_int;
        rs2_release_frame: fn(*mut sys::rs2_frame);
        rs2_get_frame_data: fn(*const sys::rs2_frame, ErrorSlot) -> *const c_void;
        rs2_get_frame_data_size: fn(*const sys::rs2_frame, ErrorSlot) -> c_int;
        rs2_get_frame_width: fn(*const sys::rs2_frame, ErrorSlot) -> c_int;
        rs2_get_frame_height: fn(*const sys::rs2_frame, ErrorSlot) -> c_int;
        rs2_get_frame_stride_in_bytes: fn(*const sys::rs2_frame, ErrorSlot) -> c_int;
        rs2_get_frame_timestamp: fn(*const sys::rs2_frame, ErrorSlot) -> f64;
        rs2_get_frame_timestamp_domain: fn(*const sys::rs2_frame, ErrorSlot) -> sys::rs2_timestamp_domain;
        rs2_get_frame_number: fn(*const sys::rs2_frame, ErrorSlot) -> c_ulonglong;
        rs2_get_frame_stream_profile: fn(*const sys::rs2_frame, ErrorSlot) -> *const sys::rs2_stream_profile;
        rs2_depth_frame_get_units: fn(*const sys::rs2_frame, ErrorSlot) -> f32;
    }
}

/// What the header of internals declares, which `realsense-sys` does not cover.
#[cfg(feature = "double")]
pub(super) mod double {
    use std::ffi::c_longlong;

    use super::*;

    /// One stream of a software sensor, as in `rs_internal.h`.
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub(in crate::librealsense) struct VideoStream {
        pub(in crate::librealsense) stream: sys::rs2_stream,
        pub(in crate::librealsense) index: c_int,
        pub(in crate::librealsense) uid: c_int,
        pub(in crate::librealsense) width: c_int,
        pub(in crate::librealsense) height: c_int,
        pub(in crate::librealsense) rate_hz: c_int,
        pub(in crate::librealsense) bytes_per_pixel: c_int,
        pub(in crate::librealsense) format: sys::rs2_format,
        pub(in crate::librealsense) intrinsics: sys::rs2_intrinsics,
    }

    /// One picture of a software sensor, as in `rs_internal.h` since 2.43.
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub(in crate::librealsense) struct VideoFrame {
        pub(in crate::librealsense) pixels: *mut c_void,
        pub(in crate::librealsense) deleter: Option<unsafe extern "C" fn(*mut c_void)>,
        pub(in crate::librealsense) stride: c_int,
        pub(in crate::librealsense) bytes_per_pixel: c_int,
        pub(in crate::librealsense) time_ms: f64,
        pub(in crate::librealsense) domain: sys::rs2_timestamp_domain,
        pub(in crate::librealsense) number: c_int,
        pub(in crate::librealsense) profile: *const sys::rs2_stream_profile,
        pub(in crate::librealsense) depth_units: f32,
    }

    functions! {
        /// What makes a camera of software.
        InternalApi {
            rs2_create_software_device: fn(ErrorSlot) -> *mut sys::rs2_device;
            rs2_software_device_add_sensor: fn(*mut sys::rs2_device, *const c_char, ErrorSlot) -> *mut sys::rs2_sensor;
            rs2_software_device_register_info: fn(*mut sys::rs2_device, sys::rs2_camera_info, *const c_char, ErrorSlot);
            rs2_software_device_create_matcher: fn(*mut sys::rs2_device, sys::rs2_matchers, ErrorSlot);
            rs2_software_sensor_add_video_stream_ex: fn(*mut sys::rs2_sensor, VideoStream, c_int, ErrorSlot) -> *mut sys::rs2_stream_profile;
            rs2_software_sensor_on_video_frame: fn(*mut sys::rs2_sensor, VideoFrame, ErrorSlot);
            rs2_software_sensor_set_metadata: fn(*mut sys::rs2_sensor, sys::rs2_frame_metadata_value, c_longlong, ErrorSlot);
            rs2_software_sensor_add_read_only_option: fn(*mut sys::rs2_sensor, sys::rs2_option, f32, ErrorSlot);
            rs2_software_sensor_add_option: fn(*mut sys::rs2_sensor, sys::rs2_option, f32, f32, f32, f32, c_int, ErrorSlot);
        }
    }

    table! {
        /// What a double and its tests need beside it.
        DoubleApi {
            rs2_create_device_from_sensor: fn(*const sys::rs2_sensor, ErrorSlot) -> *mut sys::rs2_device;
            rs2_register_extrinsics: fn(*const sys::rs2_stream_profile, *const sys::rs2_stream_profile, sys::rs2_extrinsics, ErrorSlot);
            rs2_create_sync_processing_block: fn(ErrorSlot) -> *mut sys::rs2_processing_block;
            rs2_create_align: fn(sys::rs2_stream, ErrorSlot) -> *mut sys::rs2_processing_block;
            rs2_start_processing_queue: fn(*mut sys::rs2_processing_block, *mut sys::rs2_frame_queue, ErrorSlot);
            rs2_process_frame: fn(*mut sys::rs2_processing_block, *mut sys::rs2_frame, ErrorSlot);
            rs2_delete_processing_block: fn(*mut sys::rs2_processing_block);
            rs2_embedded_frames_count: fn(*mut sys::rs2_frame, ErrorSlot) -> c_int;
            rs2_extract_frame: fn(*mut sys::rs2_frame, c_int, ErrorSlot) -> *mut sys::rs2_frame;
        }
    }
}
