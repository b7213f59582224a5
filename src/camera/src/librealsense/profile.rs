//! One way in which a sensor can run: stream, format, size, rate, and the camera behind it.

use std::sync::Arc;

use realsense_sys as sys;
use twinspect_core::align::DepthToColour;
use twinspect_core::frame::{FrameSize, Intrinsics};

use super::error::CallError;
use super::handle::Handle;
use super::library::Librealsense;

/// What a stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// Distances.
    Depth,
    /// Colours.
    Colour,
    /// Infrared, motion, and what later releases may add.
    Other(u32),
}

impl StreamKind {
    pub(super) fn from_number(number: sys::rs2_stream) -> Self {
        match number {
            sys::rs2_stream_RS2_STREAM_DEPTH => Self::Depth,
            sys::rs2_stream_RS2_STREAM_COLOR => Self::Colour,
            other => Self::Other(other),
        }
    }
}

/// How pixels are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFormat {
    /// Sixteen-bit counts of distance.
    Z16,
    /// `R G B`, a byte each.
    Rgb8,
    /// Everything else.
    Other(u32),
}

impl StreamFormat {
    fn from_number(number: sys::rs2_format) -> Self {
        match number {
            sys::rs2_format_RS2_FORMAT_Z16 => Self::Z16,
            sys::rs2_format_RS2_FORMAT_RGB8 => Self::Rgb8,
            other => Self::Other(other),
        }
    }

    /// Bytes of a pixel, of the formats that are asked for.
    pub fn bytes_per_pixel(self) -> Option<usize> {
        match self {
            Self::Z16 => Some(2),
            Self::Rgb8 => Some(3),
            Self::Other(_) => None,
        }
    }
}

/// How a lens bends, by the library's models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distortion {
    /// Not at all.
    None,
    /// Brown and Conrady's polynomial, in one of the library's three spellings.
    BrownConrady,
    /// A fisheye's, or what later releases may add.
    Other(u32),
}

/// What a profile says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileFacts {
    /// What it shows.
    pub kind: StreamKind,
    /// How pixels are laid out.
    pub format: StreamFormat,
    /// Of several streams of one kind, which.
    pub index: i32,
    /// Pictures a second.
    pub rate_hz: i32,
    /// Width and height; `None` for streams without pictures.
    pub size: Option<FrameSize>,
}

impl std::fmt::Display for ProfileFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.size {
            Some(size) => write!(f, "{size} at {} Hz", self.rate_hz),
            None => write!(f, "{} Hz", self.rate_hz),
        }
    }
}

/// One way in which a sensor can run.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Owns what `raw` points to.
    list: Arc<ProfileList>,
    raw: *const sys::rs2_stream_profile,
    facts: ProfileFacts,
}

#[derive(Debug)]
pub(super) struct ProfileList(pub(super) Handle<sys::rs2_stream_profile_list>);

// SAFETY: a list is read only, by the library's own functions, and never changed after it was made.
unsafe impl Sync for ProfileList {}

// SAFETY: the pointer leads into the list, which goes along.
unsafe impl Send for Profile {}

impl Profile {
    /// The profiles of a list that a call has just made; those that say nothing of themselves are left out.
    pub(super) fn all(list: ProfileList) -> Result<Vec<Self>, CallError> {
        let library = list.0.library();
        let list = Arc::new(list);
        // SAFETY: the list is alive.
        let count = library.ask(|api, error| unsafe {
            (api.rs2_get_stream_profiles_count)(list.0.raw(), error)
        })?;
        let profiles = (0..count).filter_map(|index| {
            let raw = library
                // SAFETY: the list is alive and has more than `index` entries.
                .ask(|api, error| unsafe {
                    (api.rs2_get_stream_profile)(list.0.raw(), index, error)
                })
                .ok()?;
            // SAFETY: the profile belongs to the list, which is alive.
            let facts = unsafe { facts(library, raw) }.ok()?;
            Some(Self {
                list: Arc::clone(&list),
                raw,
                facts,
            })
        });
        Ok(profiles.collect())
    }

    pub(super) fn raw(&self) -> *const sys::rs2_stream_profile {
        self.raw
    }

    fn library(&self) -> Librealsense {
        self.list.0.library()
    }

    /// What it says of itself.
    pub fn facts(&self) -> ProfileFacts {
        self.facts
    }

    /// The camera behind it, and how its lens bends.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn intrinsics(&self) -> Result<(Intrinsics, Distortion), CallError> {
        // SAFETY: the profile's list is alive.
        unsafe { intrinsics(self.library(), self.raw) }
    }

    /// Where this camera stands, seen from another one's.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn seen_from(&self, other: &Self) -> Result<DepthToColour, CallError> {
        let mut found = sys::rs2_extrinsics {
            rotation: [0.0; 9],
            translation: [0.0; 3],
        };
        // SAFETY: both profiles' lists are alive, and `found` is filled during the call.
        self.library().ask(|api, error| unsafe {
            (api.rs2_get_extrinsics)(self.raw, other.raw, &raw mut found, error);
        })?;
        // The library's matrices go column by column, and its lengths are metres.
        let r = found.rotation.map(f64::from);
        let [a, b, c, d, e, f, g, h, i] = r;
        Ok(DepthToColour {
            rotation: [[a, d, g], [b, e, h], [c, f, i]],
            translation_mm: found.translation.map(|metres| f64::from(metres) * 1000.0),
        })
    }
}

/// What a profile says of itself.
///
/// # Safety
/// `raw` points to a profile that lives for the call.
pub(super) unsafe fn facts(
    library: Librealsense,
    raw: *const sys::rs2_stream_profile,
) -> Result<ProfileFacts, CallError> {
    let (mut stream, mut format) = (0, 0);
    let (mut index, mut unique, mut rate_hz) = (0, 0, 0);
    // SAFETY: as the caller promises; the five places are filled during the call.
    library.ask(|api, error| unsafe {
        (api.rs2_get_stream_profile_data)(
            raw,
            &raw mut stream,
            &raw mut format,
            &raw mut index,
            &raw mut unique,
            &raw mut rate_hz,
            error,
        );
    })?;
    let extension = sys::rs2_extension_RS2_EXTENSION_VIDEO_PROFILE;
    // SAFETY: as the caller promises.
    let is_video =
        library.ask(|api, error| unsafe { (api.rs2_stream_profile_is)(raw, extension, error) })?;
    let size = if is_video == 0 {
        None
    } else {
        let (mut width, mut height) = (0, 0);
        // SAFETY: as above, and it is a profile of pictures.
        library.ask(|api, error| unsafe {
            (api.rs2_get_video_stream_resolution)(raw, &raw mut width, &raw mut height, error);
        })?;
        size_of(width, height)
    };
    Ok(ProfileFacts {
        kind: StreamKind::from_number(stream),
        format: StreamFormat::from_number(format),
        index,
        rate_hz,
        size,
    })
}

/// The camera behind a profile.
///
/// # Safety
/// `raw` points to a profile of pictures that lives for the call.
unsafe fn intrinsics(
    library: Librealsense,
    raw: *const sys::rs2_stream_profile,
) -> Result<(Intrinsics, Distortion), CallError> {
    let mut found = sys::rs2_intrinsics {
        width: 0,
        height: 0,
        ppx: 0.0,
        ppy: 0.0,
        fx: 0.0,
        fy: 0.0,
        model: 0,
        coeffs: [0.0; 5],
    };
    // SAFETY: as the caller promises; `found` is filled during the call.
    library.ask(|api, error| unsafe {
        (api.rs2_get_video_stream_intrinsics)(raw, &raw mut found, error);
    })?;
    let distortion = match found.model {
        // A fisheye's model without coefficients bends nothing either.
        _ if found.coeffs == [0.0; 5] => Distortion::None,
        sys::rs2_distortion_RS2_DISTORTION_NONE => Distortion::None,
        sys::rs2_distortion_RS2_DISTORTION_MODIFIED_BROWN_CONRADY
        | sys::rs2_distortion_RS2_DISTORTION_INVERSE_BROWN_CONRADY
        | sys::rs2_distortion_RS2_DISTORTION_BROWN_CONRADY => Distortion::BrownConrady,
        other => Distortion::Other(other),
    };
    let side = |pixels: i32| usize::try_from(pixels).unwrap_or(0);
    let intrinsics = Intrinsics {
        width: side(found.width),
        height: side(found.height),
        fx: found.fx.into(),
        fy: found.fy.into(),
        cx: found.ppx.into(),
        cy: found.ppy.into(),
        distortion: match distortion {
            Distortion::None => [0.0; 5],
            Distortion::BrownConrady | Distortion::Other(_) => found.coeffs.map(f64::from),
        },
    };
    Ok((intrinsics, distortion))
}

pub(super) fn size_of(width: i32, height: i32) -> Option<FrameSize> {
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    (width > 0 && height > 0).then_some(FrameSize { width, height })
}
