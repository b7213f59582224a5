//! Temperature, throttling and power mode of the board, from what the kernel and NVIDIA's tools leave in files.
//!
//! Read below a root folder, so that tests can bring a board of their own. What a board does not tell is
//! absent; nothing is guessed.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// What a board tells of itself. Names are for scripts and stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Board {
    /// Of its hottest zone.
    pub(crate) temperature_celsius: Option<f64>,
    /// The kernel's name of that zone.
    pub(crate) hottest: Option<String>,
    /// Where the kernel switches the board off, the lowest of all zones.
    pub(crate) critical_celsius: Option<f64>,
    /// What is slowed down now since the board is too hot, by the kernel's names.
    pub(crate) throttled: Vec<String>,
    /// NVIDIA's power mode.
    pub(crate) power_mode: Option<String>,
}

/// A value that no zone of a working board has: sensors that are switched off say so, or -256.
const SANE_CELSIUS: std::ops::RangeInclusive<f64> = -60.0..=200.0;

impl Board {
    /// Reads what lies in `sys`, `etc` and `var` of a root folder.
    pub(crate) fn read(root: &Path) -> Self {
        let mut board = Self::default();
        for zone in numbered(&root.join("sys/class/thermal"), "thermal_zone") {
            board.zone(&zone);
        }
        for device in numbered(&root.join("sys/class/thermal"), "cooling_device") {
            // A fan that turns slows nothing down.
            let name = text(&device.join("type")).unwrap_or_default();
            let is_fan = name.to_ascii_lowercase().contains("fan");
            let state = number(&device.join("cur_state"));
            if !is_fan && state.is_some_and(|state| state > 0.0) && !board.throttled.contains(&name)
            {
                board.throttled.push(name);
            }
        }
        board.power_mode = power_mode(root);
        board
    }

    fn zone(&mut self, zone: &Path) {
        let degrees = |file: &Path| {
            number(file)
                .map(|milli| milli / 1e3)
                .filter(|degrees| SANE_CELSIUS.contains(degrees))
        };
        let Some(celsius) = degrees(&zone.join("temp")) else {
            return;
        };
        if self.temperature_celsius.is_none_or(|most| celsius > most) {
            self.temperature_celsius = Some(celsius);
            self.hottest = text(&zone.join("type"));
        }
        for trip in 0..16 {
            let kind = text(&zone.join(format!("trip_point_{trip}_type")));
            let Some(kind) = kind else { break };
            let at = degrees(&zone.join(format!("trip_point_{trip}_temp")));
            if let Some(at) = at.filter(|at| kind == "critical" && *at > 0.0) {
                self.critical_celsius = Some(self.critical_celsius.map_or(at, |most| most.min(at)));
            }
        }
    }
}

/// `nvpmodel` keeps the number of the mode in a file of its own, and the names in its configuration.
fn power_mode(root: &Path) -> Option<String> {
    let status = text(&root.join("var/lib/nvpmodel/status"))?;
    let digits = status.split("pmode:").nth(1)?;
    let digits = digits.split(|c: char| !c.is_ascii_digit()).next()?;
    let mode: u32 = digits.parse().ok()?;
    let names = text(&root.join("etc/nvpmodel.conf")).unwrap_or_default();
    let name = names.lines().find_map(|line| {
        let line = line.trim().strip_prefix("< POWER_MODEL ")?;
        let value = |key: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(key))
        };
        (value("ID=")?.parse() == Ok(mode)).then(|| value("NAME=").map(str::to_owned))?
    });
    Some(name.unwrap_or_else(|| mode.to_string()))
}

/// Folders `NAME0`, `NAME1`, ... in the order of their numbers.
fn numbered(folder: &Path, name: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(name)?.parse();
            Some((number.ok()?, entry.path()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// Of a small file, without the white space around it.
fn text(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned())
}

fn number(file: &Path) -> Option<f64> {
    text(file)?
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(files: &[(&str, &str)]) -> Board {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{content}\n")).unwrap();
        }
        Board::read(root.path())
    }

    #[test]
    fn a_board_that_tells_nothing_has_no_figures() {
        assert_eq!(board(&[]), Board::default());
        let odd = [
            ("sys/class/thermal/thermal_zone0/temp", "-256000"),
            ("sys/class/thermal/thermal_zone1/temp", "warm"),
            ("sys/class/thermal/cooling_device0/cur_state", ""),
            ("var/lib/nvpmodel/status", "fmode:quiet"),
        ];
        assert_eq!(board(&odd), Board::default());
    }

    #[test]
    fn the_hottest_zone_and_the_lowest_end_count() {
        let zone = "sys/class/thermal/thermal_zone";
        let file = |index: usize, name: &str| format!("{zone}{index}/{name}");
        let files = [
            (file(0, "type"), "cpu-thermal"),
            (file(0, "temp"), "61500"),
            (file(0, "trip_point_0_type"), "passive"),
            (file(0, "trip_point_0_temp"), "99000"),
            (file(0, "trip_point_1_type"), "critical"),
            (file(0, "trip_point_1_temp"), "104500"),
            (file(10, "type"), "gpu-thermal"),
            (file(10, "temp"), "72250"),
            (file(10, "trip_point_0_type"), "critical"),
            (file(10, "trip_point_0_temp"), "105000"),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        let board = board(&files);
        assert_eq!(board.temperature_celsius, Some(72.25));
        assert_eq!(board.hottest.as_deref(), Some("gpu-thermal"));
        assert_eq!(board.critical_celsius, Some(104.5));
    }

    #[test]
    fn a_fan_that_turns_is_no_throttling() {
        let device =
            |index: usize, name: &str| format!("sys/class/thermal/cooling_device{index}/{name}");
        let files = [
            (device(0, "type"), "pwm-fan"),
            (device(0, "cur_state"), "3"),
            (device(1, "type"), "cpufreq-cpu0"),
            (device(1, "cur_state"), "2"),
            (device(2, "type"), "devfreq-17000000.gpu"),
            (device(2, "cur_state"), "0"),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        assert_eq!(board(&files).throttled, ["cpufreq-cpu0"]);
    }

    #[test]
    fn a_power_mode_has_a_name_if_the_configuration_names_it() {
        let status = ("var/lib/nvpmodel/status", "pmode:0002 fmode:quiet");
        let names = (
            "etc/nvpmodel.conf",
            "# modes\n< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=15W >\nCPU_ONLINE CORE_0 1",
        );
        assert_eq!(board(&[status, names]).power_mode.as_deref(), Some("15W"));
        assert_eq!(board(&[status]).power_mode.as_deref(), Some("2"));
    }
}
