//! Numbers that would switch a guard off, or that nothing measures.

use super::*;

fn geometry(change: impl FnOnce(&mut GeometrySpec), key: &str) {
    let key = format!("prepare.geometry.{key}");
    let with = |manifest: &mut Manifest| change(manifest.prepare.geometry.as_mut().unwrap());
    check(with, &[&key]);
}

#[test]
fn an_empty_belt_is_no_part_of_any_bundle() {
    // Where the belt itself, or its noise, would count as a part.
    geometry(|g| g.height_range_mm = [2.0, 60.0], "height_range_mm");
    geometry(|g| g.foreground_mm = 1e-3, "foreground_mm");
    geometry(|g| g.bank.spread_mm[3] = 0.6, "foreground_mm");
    check(
        |m| {
            let geometry = m.prepare.geometry.as_mut().unwrap();
            // As the trainer writes it for a belt of much noise.
            geometry.bank.spread_mm[3] = 0.731_234_5;
            geometry.foreground_mm = geometry.foreground_of_noise_mm();
        },
        &[],
    );
}

/// Half of what the least good part showed, as earlier releases wrote it. Preparation raises them.
#[test]
fn least_shares_of_a_set_with_an_empty_picture_are_taken() {
    for share in [0.0, 0.001] {
        check(
            |m| {
                let geometry = m.prepare.geometry.as_mut().unwrap();
                (geometry.part_share_min, geometry.valid_share_min) = (share, share);
            },
            &[],
        );
    }
}

#[test]
fn an_empty_ground_is_no_part_of_any_bundle() {
    let ground = GroundSpec {
        colour: [181.0, 180.0, 178.5],
        contrast: 16.0,
        part_share_min: PrepareSpec::PART_SHARE_LEAST,
    };
    let on = |ground| {
        let mut manifest = colour_alone();
        manifest.prepare.ground = Some(ground);
        manifest.format = FormatVersion::V4;
        let problems = manifest.problems().into_iter();
        problems.map(|problem| problem.key).collect::<Vec<_>>()
    };
    assert!(on(ground).is_empty());
    let earlier = GroundSpec {
        part_share_min: 0.0,
        ..ground
    };
    assert!(on(earlier).is_empty());
    let faint = GroundSpec {
        contrast: 0.5,
        ..ground
    };
    assert_eq!(on(faint), ["prepare.ground.contrast"]);
}

#[test]
fn a_belt_that_has_moved_is_out_of_some_bounds() {
    for tilt_deg in [10.5, 1e9, f64::INFINITY] {
        geometry(
            |g| g.belt_bounds.tilt_deg = tilt_deg,
            "belt_bounds.tilt_deg",
        );
    }
    for offset_mm in [8.5, 1e9] {
        geometry(
            |g| g.belt_bounds.offset_mm = offset_mm,
            "belt_bounds.offset_mm",
        );
    }
    check(
        |m| m.prepare.geometry.as_mut().unwrap().belt_bounds = BeltBounds::MOST,
        &[],
    );
}

#[test]
fn distances_that_no_camera_measures_are_refused() {
    geometry(|g| g.height_range_mm = [-1e9, 1e9], "height_range_mm");
    geometry(|g| g.belt.offset_mm = -1e9, "belt");
    geometry(|g| g.foreground_mm = 1e9, "foreground_mm");
    for distance_mm in [1.0, 1e9, f64::NAN] {
        check(
            |m| m.camera.distance_mm = Some(distance_mm),
            &["camera.distance_mm"],
        );
    }
    // No distance is looked at where there is no depth.
    let mut by_colour = colour_alone();
    by_colour.camera.distance_mm = Some(0.0);
    assert!(by_colour.problems().is_empty());
    for unit_m in [1e-9, 1.0, 1e9] {
        check(
            |m| m.camera.depth_unit_m = Some(unit_m),
            &["camera.depth_unit_m"],
        );
    }
    for (unit_m, distance_mm) in [(1e-6, 50.0), (0.01, 20_000.0)] {
        check(
            |m| {
                m.camera.depth_unit_m = Some(unit_m);
                m.camera.distance_mm = Some(distance_mm);
            },
            &[],
        );
    }
}

#[test]
fn a_trainer_hears_of_it_before_it_trains() {
    let mut manifest = sample();
    assert!(manifest.camera.problems(&manifest.prepare).is_empty());
    manifest.camera.distance_mm = Some(0.4);
    let geometry = manifest.prepare.geometry.as_mut().unwrap();
    geometry.belt_bounds.tilt_deg = 45.0;
    let problems = manifest.camera.problems(&manifest.prepare);
    let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        told,
        [
            "camera.distance_mm: expected 50 to 20000 mm, found 0.4",
            "prepare.geometry.belt_bounds.tilt_deg: expected at most 10, found 45.0"
        ]
    );
}

/// A bundle could otherwise ask for so little that any network is proven.
#[test]
fn engines_are_held_to_what_their_numbers_can_do() {
    for wide in [0.011, 0.05, 0.1, f32::NAN, f32::INFINITY] {
        check(|m| m.tolerance.f32 = wide, &["tolerance.f32"]);
    }
    for wide in [0.021, 0.05, f32::NAN] {
        check(|m| m.tolerance.f16 = wide, &["tolerance.f16"]);
    }
    check(
        |m| (m.tolerance.f32, m.tolerance.f16) = (0.01, 0.009),
        &["tolerance.f32"],
    );
    check(|m| (m.tolerance.f32, m.tolerance.f16) = (0.01, 0.01), &[]);
}
