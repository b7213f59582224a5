//! What can be wrong with a data set, with the facts that a person needs to mend it.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use twinspect_core::frame::{FrameError, FrameSize};

use crate::layout::Layout;
use crate::part::{PartId, Split};

/// A layout that a folder doesn't have, and what of it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The layout that was tried.
    pub layout: Layout,
    /// What was looked for in vain.
    pub missing: String,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.layout, self.missing)
    }
}

fn listed(tried: &[Missed]) -> String {
    tried
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Why a data set could not be opened, or one of its parts not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// There is no such folder.
    #[error("data set `{}` is not a folder", path.display())]
    NotAFolder {
        /// The path that was given.
        path: PathBuf,
    },
    /// The folder is none of the layouts.
    #[error("`{}` has no known layout; tried {}", path.display(), listed(tried))]
    UnknownLayout {
        /// The folder.
        path: PathBuf,
        /// All layouts, and what each would have needed.
        tried: Vec<Missed>,
        /// Folders right below or above that do have a known layout.
        nearby: Vec<PathBuf>,
    },
    /// Something else lies where a file should.
    #[error("`{}` is {found}, must be a plain file", path.display())]
    NotAFile {
        /// The place.
        path: PathBuf,
        /// What lies there.
        found: &'static str,
    },
    /// A folder could not be listed.
    #[error("listing folder `{}`", path.display())]
    ListingFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file or folder whose name is not Unicode.
    #[error("the name of `{}` is not valid Unicode", path.display())]
    NameNotUnicode {
        /// The path, with replacement characters where it is shown.
        path: PathBuf,
    },
    /// A folder of parts under another name than the layout's.
    #[error("`{}` would not be read: the folder of that split is called `{expected}`", path.display())]
    MisnamedSplit {
        /// The folder.
        path: PathBuf,
        /// The split that it seems to be.
        expected: Split,
    },
    /// A picture of a kind that is not read, where parts' pictures lie.
    #[error("`{}` would not be read: colour pictures are PNG, JPEG or BMP files", path.display())]
    UnreadPicture {
        /// The file.
        path: PathBuf,
    },
    /// A file that belongs to a part is absent.
    #[error("{layout}: `{}` has no `{}` beside it", present.display(), missing.display())]
    MissingCompanion {
        /// The set's layout.
        layout: Layout,
        /// The file or folder that is there.
        present: PathBuf,
        /// The file or folder that should be.
        missing: PathBuf,
    },
    /// Two files claim to be the same picture of the same part.
    #[error("{layout}: `{}` and `{}` stand for the same picture", first.display(), second.display())]
    AmbiguousPicture {
        /// The set's layout.
        layout: Layout,
        /// One of the two.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Depth counts without a camera file, which holds their unit.
    #[error("depth picture `{}` needs the camera in `{}`, which is absent", depth.display(), camera.display())]
    MissingCamera {
        /// The first depth picture.
        depth: PathBuf,
        /// Where the camera's file should be.
        camera: PathBuf,
    },
    /// A JSON file that is not what its place asks for.
    #[error("parsing `{}`", path.display())]
    ParsingJson {
        /// The file.
        path: PathBuf,
        /// Which key, line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A value in the camera's file that no camera can have.
    #[error("`{}`: {key} is {found}, must be {expected}", path.display())]
    CameraValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// A folder that a set's description names, and that can't be what it says.
    #[error("`{}`: {key} is {found}, must be {expected}", path.display())]
    FolderValue {
        /// `folder.json`, or the set's folder where names of folders are the description.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A value that is missing in the file beside a picture, or can't be.
    #[error("`{}`: {key} is {found}, must be {expected}", path.display())]
    SampleValue {
        /// The file.
        path: PathBuf,
        /// The key, with dots where it is nested.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A description of the set that is too long to be one.
    #[error("`{}` is longer than {limit} bytes", path.display())]
    DescriptionTooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// Pictures whose split stands in a list that is absent.
    #[error("{layout}: the split of `{}` stands in `{}`, which is absent", pictures.display(), list.display())]
    MissingSplitList {
        /// The set's layout.
        layout: Layout,
        /// The folder of the pictures.
        pictures: PathBuf,
        /// Where the list should be.
        list: PathBuf,
    },
    /// A list of parts that is no table of the columns that it should have.
    #[error("parsing `{}`", path.display())]
    ParsingCsv {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        #[source]
        source: csv::Error,
    },
    /// A line in a list of parts that fits neither the list nor the files.
    #[error("`{}`, line {line}: {column} is `{found}`, must be {expected}", path.display())]
    ListedValue {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A list of parts that knows nothing of the opened folder.
    #[error("`{}` names no part of `{object}`, but of {}", path.display(), objects.join(", "))]
    ObjectNotListed {
        /// The list.
        path: PathBuf,
        /// The opened folder's name.
        object: String,
        /// The names that it has.
        objects: Vec<String>,
    },
    /// A picture that the list of parts does not name.
    #[error("`{}` does not name picture `{}`", list.display(), picture.display())]
    UnlistedPicture {
        /// The list.
        list: PathBuf,
        /// The picture.
        picture: PathBuf,
    },
    /// A picture that the camera of a published set has not taken.
    #[error("{layout}: `{}` is {found}, but the set was taken at {expected}", path.display())]
    ForeignSize {
        /// The set's layout.
        layout: Layout,
        /// The picture.
        path: PathBuf,
        /// Its size.
        found: FrameSize,
        /// That of the published camera.
        expected: FrameSize,
    },
    /// A file could not be read.
    #[error("reading `{}`", path.display())]
    ReadingFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture file that is damaged, cut short, or of no known format.
    #[error("decoding picture `{}`", path.display())]
    DecodingPicture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A JPEG file that ends before its picture does.
    #[error("JPEG picture `{}` is cut short: no end marker in {bytes} bytes", path.display())]
    TruncatedJpeg {
        /// The file.
        path: PathBuf,
        /// The file's length.
        bytes: usize,
    },
    /// A picture that is larger than any camera's.
    #[error("picture `{}` is {width} x {height}, more than {limit} pixels", path.display())]
    TooManyPixels {
        /// The file.
        path: PathBuf,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The most that is read.
        limit: u64,
    },
    /// A picture with the wrong kind of pixels.
    #[error("picture `{}` holds {found}, must hold {expected}", path.display())]
    PixelFormat {
        /// The file.
        path: PathBuf,
        /// What its place asks for.
        expected: &'static str,
        /// What it has.
        found: String,
    },
    /// Two files of one part differ in size.
    #[error("`{}` is {found}, but `{}` is {expected}", path.display(), other.display())]
    SizeMismatch {
        /// The file at fault.
        path: PathBuf,
        /// Its size.
        found: FrameSize,
        /// The file that it must fit.
        other: PathBuf,
        /// The size of that.
        expected: FrameSize,
    },
    /// A part in a folder of good ones whose mask marks a defect.
    #[error("mask `{}` marks {pixels} defective pixels on a part that is labelled good", path.display())]
    MarkedGood {
        /// The mask's file.
        path: PathBuf,
        /// How many.
        pixels: usize,
    },
    /// Pictures that do not make a frame.
    #[error("joining the pictures of part `{id}`")]
    JoiningFrame {
        /// The part.
        id: PartId,
        /// What contradicts what.
        #[source]
        source: FrameError,
    },
    /// A part of some other data set.
    #[error("data set `{}` has no part `{id}`", root.display())]
    UnknownPart {
        /// The set's folder.
        root: PathBuf,
        /// The part that was asked for.
        id: PartId,
    },
}

impl DatasetError {
    /// What to do about it, where there's something more to say than the message does.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::UnknownLayout { nearby, .. } if !nearby.is_empty() => {
                let names: Vec<_> = nearby
                    .iter()
                    .map(|path| format!("`{}`", path.display()))
                    .collect();
                Some(
                    format!(
                        "a data set is one category; did you mean {}?",
                        names.join(", ")
                    )
                    .into(),
                )
            }
            Self::UnknownLayout { .. } => Some(
                "a folder of recorded parts looks like train/good/000/rgb.png and \
                 train/good/000/depth.png, with camera.json at the top"
                    .into(),
            ),
            Self::NotAFolder { .. } => Some("name the folder of one category, unpacked".into()),
            Self::NotAFile { .. } => {
                Some("put the file itself there, or a link to it, or take the part out".into())
            }
            Self::ListingFolder { .. } => Some(
                "whoever runs this must be allowed to list the folder and to enter it: look at its \
                 owner and rights"
                    .into(),
            ),
            Self::MissingCompanion { .. } => Some(
                "restore the file, or take the whole part out of the set: a set must have the \
                 same pictures for all its parts"
                    .into(),
            ),
            Self::AmbiguousPicture { .. } => Some("remove one of the two".into()),
            Self::MisnamedSplit { path, expected } => Some(
                format!("rename it to `{expected}`, or move {} out of the set", path.display()).into(),
            ),
            Self::UnreadPicture { .. } => Some(
                "convert it to PNG, which keeps every pixel, or move it out of the set".into(),
            ),
            Self::MissingCamera { .. } => Some(
                "write width, height, fx, fy, cx, cy and depth_unit_m of the aligned depth stream \
                 into it"
                    .into(),
            ),
            Self::FolderValue { .. } => Some(
                "folder.json names folders below its own, as anomalib's Folder or Folder3D would \
                 get them: {\"normal_dir\": \"good\", \"abnormal_dir\": \"crack\", \
                 \"mask_dir\": \"mask/crack\"}"
                    .into(),
            ),
            Self::SampleValue { .. } => Some(
                "copy the file from the set's archive again; what its picture means stands \
                 nowhere else"
                    .into(),
            ),
            Self::DescriptionTooLong { .. } => {
                Some("put the file that the set was published with in its place".into())
            }
            Self::MissingSplitList { .. } => Some(
                "unpack `split_csv` of the same archive beside the folders of the objects".into(),
            ),
            Self::ParsingCsv { .. } | Self::ListedValue { .. } | Self::UnlistedPicture { .. } => {
                Some(
                    "list and pictures must be of one archive; unpack both again, or mend the line"
                        .into(),
                )
            }
            Self::ObjectNotListed { .. } => {
                Some("keep the name that the object's folder has in the archive".into())
            }
            Self::ForeignSize { .. } => Some(
                "for a resized or cropped copy write width, height, fx, fy, cx and cy of its \
                 pictures to camera.json at the top of the set"
                    .into(),
            ),
            Self::DecodingPicture { .. } | Self::TruncatedJpeg { .. } => {
                Some("copy the file from its source again, or take the part out of the set".into())
            }
            Self::SizeMismatch { .. } => Some(
                "colour, depth, mask and camera must belong to the same aligned stream; record or \
                 export them at one resolution"
                    .into(),
            ),
            Self::MarkedGood { .. } => {
                Some("move the part to the folder of its defect, or clear the mask".into())
            }
            _ => None,
        }
    }

    pub(crate) fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::ReadingFile { path, source }
    }

    pub(crate) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::ParsingJson { path, source }
    }
}
