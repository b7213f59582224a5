//! The files of a record.

use twinspect_core::frame::{DepthFrame, FramePair};

use super::error::RecordsError;
use super::name::{RECORD_FILE, SCORE_FILE, SHEET_FILE};
use super::record::{DepthKept, FrameFacts, Record, Taken};

/// The texts and pictures of a record, `record.json` last.
pub(super) fn encode(taken: Taken<'_>) -> Result<Vec<(&'static str, Vec<u8>)>, RecordsError> {
    let Taken {
        mut record,
        frame,
        scores,
        sheet,
    } = taken;
    let mut files = Vec::new();
    if let Some(frame) = frame {
        let (facts, pictures) = encode_frame(frame)?;
        record.frame = Some(facts);
        files.extend(pictures);
    }
    if let Some(scores) = scores {
        let (facts, picture) = scores.encode()?;
        record.map = Some(facts);
        files.push((SCORE_FILE, picture));
    }
    files.extend(sheet.map(|sheet| (SHEET_FILE, sheet)));
    files.push((RECORD_FILE, text(&record)?));
    Ok(files)
}

/// `record.json`.
pub(super) fn text(record: &Record) -> Result<Vec<u8>, RecordsError> {
    let mut text = serde_json::to_vec_pretty(record).map_err(|source| RecordsError::Encode {
        what: RECORD_FILE,
        source: source.into(),
    })?;
    text.push(b'\n');
    Ok(text)
}

type Pictures = Vec<(&'static str, Vec<u8>)>;

fn encode_frame(frame: &FramePair) -> Result<(FrameFacts, Pictures), RecordsError> {
    let depth = match frame.depth() {
        None => DepthKept::Absent,
        Some(DepthFrame::Counts(_)) => DepthKept::Counts,
        Some(DepthFrame::Points(_)) => DepthKept::PointsLeftOut,
    };
    let facts = FrameFacts {
        size: frame.size(),
        rgb: frame.rgb().is_some(),
        depth,
        rgb_stamp: frame.rgb_stamp,
        depth_stamp: frame.depth_stamp,
    };
    let kept = match depth {
        DepthKept::Absent | DepthKept::Counts => Some(frame.clone()),
        DepthKept::PointsLeftOut => frame.clone().without_depth(),
    };
    let pictures = kept.map_or(Ok(Vec::new()), |kept| {
        twinspect_dataset::encode_frame(&kept).map_err(|source| RecordsError::Encode {
            what: "the pictures",
            source: Box::new(source),
        })
    })?;
    Ok((facts, pictures))
}
