//! What helps against a recording that can't be played, by what the library says of it and by its own first bytes.

use std::path::Path;

use super::super::recorded_file::Content;

/// What helps against a file that was damaged.
pub(super) fn copy_again(file: &str) -> String {
    // By its name where its bytes say nothing, as of a file that is gone.
    let path = Path::new(file);
    let is_database = match Content::of(path) {
        Some(content) => content == Content::Db3,
        None => path.extension().is_some_and(|ending| ending == "db3"),
    };
    // A file's name would have to be quoted for a shell.
    let looks_through = if is_database {
        "; `sqlite3 FILE 'pragma integrity_check'` says whether it is whole"
    } else {
        ""
    };
    format!("copy it again from where it is whole, or record anew{looks_through}")
}

/// Whether these words of the library's are SQLite's for a file that was one of its own, or rosbag's for a bag whose compressed
/// pieces can't be taken apart (its `lz4_stream.cpp`). That there is no memory for one is none of these.
fn is_damage(told: &str) -> bool {
    [
        "malformed",
        "ROSLZ4_DATA_ERROR",
        "ROSLZ4_OUTPUT_SMALL",
        "ROSLZ4_ERROR",
    ]
    .iter()
    .any(|words| told.contains(words))
}

/// What a file's first bytes say that its name does not.
fn other_ending(file: &str) -> Option<&'static str> {
    let path = Path::new(file);
    let content = Content::of(path)?;
    let is_named_so = path
        .extension()
        .is_some_and(|ending| ending == content.ending());
    (!is_named_so).then(|| content.ending())
}

/// What helps where the library can't open a recording, of which it tells this.
pub(super) fn open_another(file: &str, told: &str) -> String {
    if let Some(ending) = other_ending(file) {
        return format!("by its first bytes it is a .{ending} file: give it that ending");
    }
    if is_damage(told) {
        return format!("it is damaged: {}", copy_again(file));
    }
    "name a .bag file, or for librealsense 2.58 and later a .db3 file, that the vendor's viewer or a station has recorded; if \
     this is one, it is damaged, was cut off, or is newer than the library"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_the_library_says_of_damage_has_one_remedy() {
        for told in [
            "database disk image is malformed",
            "ROSLZ4_DATA_ERROR: malformed data to decompress",
            "ROSLZ4_OUTPUT_SMALL: output buffer is too small",
            "ROSLZ4_ERROR: decompression error",
        ] {
            let hint = open_another("absent.bag", told);
            assert!(
                hint.starts_with("it is damaged: copy it again"),
                "{told}: {hint}"
            );
        }
        for told in [
            "Error reading version line",
            "ROSLZ4_MEMORY_ERROR: insufficient memory available",
        ] {
            let hint = open_another("absent.bag", told);
            assert!(hint.starts_with("name a .bag file"), "{told}: {hint}");
        }
    }

    #[test]
    fn what_a_recording_is_its_bytes_tell_and_not_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.display().to_string()
        };
        let bag = b"#ROSBAG V2.0\n and more";
        let renamed = written("belt.db3", bag);
        let hint = open_another(&renamed, "file is not a database, or malformed");
        assert!(
            hint.contains("it is a .bag file") && !hint.contains("sqlite3"),
            "{hint}"
        );
        assert!(!copy_again(&renamed).contains("sqlite3"));
        let named_well = written("belt.bag", bag);
        assert!(open_another(&named_well, "malformed").starts_with("it is damaged"));
        let database = written("shift.bag", b"SQLite format 3\0");
        assert!(open_another(&database, "").contains("it is a .db3 file"));
        assert!(copy_again(&database).contains("sqlite3"));
        // Nothing is known of these but their names.
        assert!(copy_again("absent.db3").contains("sqlite3"));
        assert!(!copy_again("absent.bag").contains("sqlite3"));
    }
}
