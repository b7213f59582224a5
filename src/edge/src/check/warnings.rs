//! What a configuration allows and somebody may not have meant.

use std::path::Path;
use std::time::Duration;

use twinspect_core::gate::OutputMode;
use twinspect_core::trigger::SpacingSpec;
use twinspect_line::{Output, Stopped};

use crate::config::{LineSource, Station};
use crate::health::Disk;
use crate::latency::milliseconds;
use crate::page;

/// All of them, for people.
pub(super) fn of(station: &Station) -> Vec<String> {
    let gate = &station.decisions.gate;
    let pulses = (gate.mode == OutputMode::RejectPulse)
        .then(|| "reject_pulse: a dead station lets every part through".to_owned());
    let stopped = (station.stopped == Stopped::Passes)
        .then(|| "gate.stopped: a station that is stopped lets every part through".to_owned());
    let marks = page::token(station)
        .err()
        .map(|why| format!("the page will take no marks: {why}"));
    let all = [
        marks,
        pulses,
        exposure(station),
        polarity(station),
        room(station),
        stopped,
    ];
    all.into_iter().flatten().collect()
}

/// On a real belt a late picture may show the next part.
fn exposure(station: &Station) -> Option<String> {
    let SpacingSpec::Time { min_us, .. } = station.decisions.trigger.spacing else {
        return None;
    };
    let spacing = Duration::from_micros(min_us);
    let is_real = matches!(station.line, LineSource::Gpio { .. });
    // The very picture that shows the part is named then, and no other one taken.
    let is_named = station.watch.is_some();
    (is_real && !is_named && station.exposure_max >= spacing).then(|| {
        format!(
            "trigger.exposure_max_ms, {}, is not below trigger.spacing_min_ms, {}: a camera that \
             sees the moving belt could show the next part",
            milliseconds(station.exposure_max),
            milliseconds(spacing)
        )
    })
}

/// A pin without a board behind it is low.
fn polarity(station: &Station) -> Option<String> {
    let LineSource::Gpio { spec, .. } = &station.line else {
        return None;
    };
    let mut outputs = spec.outputs.iter();
    let is_inverted = outputs.any(|wired| wired.wire == Output::Pass && wired.active_low);
    is_inverted.then(|| {
        "line.pass is active low: a pin without power or a broken wire lets every part through"
            .to_owned()
    })
}

/// A station that has no room for records from the start writes none.
fn room(station: &Station) -> Option<String> {
    let ring = &station.records.as_ref()?.ring;
    let disk = Disk::read("records", &ring.folder)?;
    // Older ones make room.
    let room = disk.free_bytes.saturating_add(size(&ring.folder));
    (room < ring.free_min_bytes).then(|| {
        format!(
            "{} MB are free at {}, records.free_min_mb is {}: no records will be written",
            mb(disk.free_bytes),
            ring.folder.display(),
            mb(ring.free_min_bytes)
        )
    })
}

/// Bytes of the records that lie there.
fn size(folder: &Path) -> u64 {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let records = entries(folder).filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("record-")
    });
    let files = records.flat_map(|record| entries(&record.path()));
    files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

fn mb(bytes: u64) -> u64 {
    bytes / 1_000_000
}

#[cfg(test)]
mod tests {
    use twinspect_store::records::RingSpec;

    use super::*;
    use crate::config::RecordsSpec;

    /// A station on a board with this wire for PASS and this longest time of exposure.
    fn station(pass: &str, exposure_max_ms: u32) -> Station {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("station.toml");
        let text = format!(
            "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n\
             [line]\nkind = \"gpio\"\nsensor = {{ name = \"IN\" }}\npass = {pass}\n\
             [trigger]\nspacing_min_ms = 100\nexposure_max_ms = {exposure_max_ms}\n"
        );
        std::fs::write(&path, text).unwrap();
        crate::config::load(&path).unwrap().station
    }

    #[test]
    fn wires_and_times_that_let_parts_through_are_warned_of() {
        let plain = "{ name = \"OUT\" }";
        let sound = station(plain, 99);
        assert_eq!(polarity(&sound), None);
        assert_eq!(exposure(&sound), None);
        assert!(exposure(&station(plain, 100)).is_some());
        let inverted = station("{ name = \"OUT\", active_low = true }", 99);
        assert!(polarity(&inverted).is_some());
    }

    #[test]
    fn a_disk_without_room_for_records_is_warned_of() {
        let plain = "{ name = \"OUT\" }";
        let folder = tempfile::tempdir().unwrap();
        let with = |free_min_bytes| {
            let mut station = station(plain, 99);
            station.records = Some(RecordsSpec {
                ring: RingSpec {
                    folder: folder.path().join("records"),
                    keep_parts: 1,
                    keep_bytes: 1,
                    free_min_bytes,
                },
                queue_parts: 1,
                every_nth_pass: None,
            });
            room(&station)
        };
        assert_eq!(with(0), None);
        let told = with(u64::MAX).unwrap();
        assert!(told.contains("records.free_min_mb"), "{told}");
    }
}
