//! Recorded and public parts on disk, for the trainer and for replay on the device.
//!
//! [`open`] recognises a folder's layout by what lies in it and hands out a [`Dataset`]: splits of
//! [`PartRef`]s in a fixed order, each of which loads into a [`Part`] with a frame pair, its label
//! and, where somebody painted one, a mask of the defect. The reader knows each layout's units and
//! marks: whatever the files hold, a part carries millimetres or counts with their unit, no NaN,
//! and masks of 0 and 1. [`RecordedPartsWriter`] writes the project's own layout.
//!
//! | layout | folders below the root | colour | depth | defect mask |
//! |---|---|---|---|---|
//! | [`Layout::RecordedParts`] | `{split}/{class}/{part}/` with `rgb.*`, `depth.png`, `mask.png`, `part.json` | PNG, JPEG | 16-bit PNG, unit in `camera.json` | PNG, non-zero is defect |
//! | [`Layout::Mvtec3dPoints`] | `{split}/{class}/{rgb,xyz,gt}/NNN.*` (MVTec 3D-AD as published) | PNG, JPEG | 3 x f32 TIFF in metres, (0, 0, 0) is no measurement | PNG of class codes, non-zero is defect |
//! | [`Layout::Mvtec3dDepth`] | `{split}/{class}/{rgb,depth,gt}/NNN.*`, `camera.json` | PNG, JPEG | 16-bit PNG, unit in `camera.json` | PNG, non-zero is defect |
//! | [`Layout::Eyecandies`] | `{train,val,test_public}/data/NNN_*`; colour in `NNN_image_0.png` (all spotlights on), no other light is read | PNG | 16-bit PNG between the bounds of `NNN_info_depth.yaml`, becomes points | `NNN_mask.png`, non-zero is defect |
//! | [`Layout::Visa`] | `Data/Images/{Normal,Anomaly}/*`, `Data/Masks/Anomaly/*`, split in `../split_csv/1cls.csv` (VisA as published) | JPEG, PNG | none | PNG of class numbers, non-zero is defect |
//! | [`Layout::VisaSplit`] | `{train,test}/{good,bad}/*`, `ground_truth/bad/*` (VisA after its own script) | JPEG, PNG | none | PNG or BMP of the picture's name, non-zero is defect |
//! | [`Layout::Btad`] | `{train,test}/{ok,ko}/*`, `ground_truth/ko/*` | BMP, PNG, mixed | none | PNG or BMP of the picture's name, non-zero is defect |
//! | [`Layout::MvtecAd`] | `{train,test}/{class}/NNN.*`, `ground_truth/{class}/NNN_mask.*` | PNG, JPEG; grey is repeated to RGB | none | PNG or BMP, non-zero is defect |
//! | [`Layout::AnomalibFolder`] | folders named in `folder.json`, or `normal`, `abnormal`, ... (anomalib's `Folder`) | PNG, JPEG, BMP | none | PNG or BMP of the picture's name, with or without `_mask`; non-zero is defect |
//! | [`Layout::AnomalibFolder3d`] | the same with a folder of depth for each folder of pictures (anomalib's `Folder3D`) | PNG, JPEG, BMP | 3 x f32 TIFF in metres, or 16-bit PNG with `camera.json`, of the picture's name | as before |
//!
//! Every layout reads BMP where it reads PNG colour.
//!
//! **`folder.json`** has the arguments of anomalib's `Folder` and `Folder3D` as keys: `normal_dir`, and
//! as needed `normal_test_dir`, `abnormal_dir`, `mask_dir`, `normal_depth_dir`,
//! `normal_test_depth_dir` and `abnormal_depth_dir`, each a folder below that of the set; of
//! `abnormal_dir` and what belongs to it a list is possible, one kind of defect a folder. A set
//! with this file is read by it, whatever it looks like. Without it the folders `normal`, `normal_test`,
//! `abnormal`, `mask` or `ground_truth`, `normal_depth`, `normal_test_depth` and `abnormal_depth` are
//! what they are called. Pictures lie in the folders themselves; deeper ones are refused.
//!
//! **Splits** are the folders `train`, `validation`, `calibration` and `test`, or what a layout has
//! in their place. A set without validation parts, as every MVTec AD category, gives up a tenth of
//! its good training parts for it: those at places 0, 10, 20, ... of the sorted list
//! ([`Dataset::holds_out_validation`]). Sets of fewer than ten good training parts give up none.
//! anomalib's folders with defects but without `normal_test_dir` first give up a fifth for the test
//! (anomalib draws it by chance): places 4, 9, 14, ..., if there are ten good parts or more.
//! Eyecandies' `test_private` has no labels and is not listed.
//!
//! **Labels** come from the class folder: `good` and `ok` mean good, any other name is a kind of
//! defect. Where there are no such folders, VisA's defects are `bad`, Eyecandies' are called after the
//! mask that marks something (`bumps`, `colors`, `dents`, `normals`, several `combined`), and
//! anomalib's after the last name of their folder. **Names** that start with a dot are not looked at.
//!
//! **Order** is that of classes and names, byte by byte, classes before parts. Sizes may
//! differ from part to part, but all pictures of one part have one size. A set whose parts differ
//! in what was recorded (depth beside some, none beside others) is refused when it is opened.
//!
//! # Example
//! ```
//! use twinspect_core::frame::{FramePair, FrameSize, RgbFrame};
//! use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split, open};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let root = folder.path().join("lid");
//! let mut writer = RecordedPartsWriter::create(&root, None)?;
//! let picture = RgbFrame::new(FrameSize { width: 4, height: 2 }, vec![90; 4 * 2 * 3])?;
//! let frame = FramePair::new(Some(picture), None, None)?;
//! let id = writer.write(Split::Train, &Label::Good, &frame, None, &PartRecord::default())?;
//! assert_eq!(id.as_str(), "train/good/000");
//!
//! let dataset = open(&root)?;
//! let part = dataset.load(&dataset.parts(Split::Train)[0])?;
//! assert_eq!(part.frame, frame);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod camera;
mod dataset;
mod depth_bounds;
mod error;
mod fit;
mod folder;
mod layout;
mod lone_frame;
mod part;
mod picture;
mod plain;
mod text;
mod writer;
mod yaml;

pub use camera::{CAMERA_FILE, Camera};
pub use dataset::Dataset;
pub use error::{DatasetError, Missed};
pub use fit::differences;
pub use layout::{Layout, open};
pub use lone_frame::{encode_frame, read_frame};
pub use part::{Label, Mask, Modalities, Part, PartId, PartRecord, PartRef, Split};
pub use picture::MAX_PIXELS;
pub use plain::file_kind;
pub use writer::{RecordedPartsWriter, WriteError};
