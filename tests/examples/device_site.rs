//! Writes what a station on a virtual device needs to judge hundreds of parts within the time of an
//! emulated machine: a bundle whose networks only pick and rectify, recorded parts whose verdicts
//! are known, and these verdicts.
//!
//! ```text
//! FOLDER/block.twb      the bundle
//! FOLDER/lid.twb        the same under another name
//! FOLDER/colour.twb     another one, which passes whatever a colour camera of 320 x 180 shows
//! FOLDER/parts/         the recorded parts, in the order in which a station plays them
//! FOLDER/verdicts.txt   pass, fail or no_result, a line for each part
//! ```
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "the product of the tests ends with the first thing that is wrong, and so may this"
)]

#[expect(
    dead_code,
    reason = "sites of other tests have files that a device needs not"
)]
#[path = "../tests/it/product.rs"]
mod product;
#[path = "../tests/it/sequence.rs"]
mod sequence;

use std::path::PathBuf;

use clap::Parser;
use twinspect_core::frame::FrameSize;

/// The smallest size of the simulated camera's.
const COLOUR: FrameSize = FrameSize {
    width: 320,
    height: 180,
};

#[derive(Debug, Parser)]
struct Arguments {
    /// Where to write; it must not exist.
    folder: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { folder } = Arguments::parse();
    fs_err::create_dir(&folder)?;
    let verdicts = sequence::write(&folder);
    product::any_colour(COLOUR).write_archive(folder.join("colour.twb"))?;
    fs_err::write(folder.join("verdicts.txt"), verdicts.join("\n") + "\n")?;
    Ok(())
}
