//! What somebody else has put in the place of what the store has written.

use super::*;

#[test]
fn the_proof_of_a_model_knows_all_digits_of_its_hash() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    models.open_bundle(&id).unwrap();
    let mut other = proof(&bundle("1.0.0"));
    // The name has but the first of them.
    other.hash.replace_range(12.., &"0".repeat(52));
    models.change().unwrap().prove(&id, &other).unwrap();
    let error = refused(models.open_bundle(&id));
    assert!(matches!(error, ModelsError::Another { .. }), "{error}");
    let again = models.change().unwrap().install(&bundle("1.0.0")).unwrap();
    assert_eq!(again, (id.clone(), Installation::New));
    models.open_bundle(&id).unwrap();
}

#[test]
fn a_bundle_that_lies_in_no_store_is_opened_as_it_is() {
    let (keep, models) = store();
    let id = install(&models, "1.0.0");
    let elsewhere = keep.path().join("elsewhere");
    fs::rename(models.folder_of(&id), &elsewhere).unwrap();
    assert_eq!(installed_at(&elsewhere).map(|(_, id)| id), None);
    open_bundle_at(&elsewhere).unwrap();
    let error = refused(open_bundle_at(&models.folder_of(&id)));
    assert!(
        matches!(&error, ModelsError::Bundle(BundleError::Read { source, .. })
            if source.kind() == ErrorKind::NotFound),
        "{error}"
    );
    let (found, named) = installed_at(&models.folder_of(&id)).unwrap();
    assert_eq!((found.root(), &named), (models.root(), &id));
}

#[test]
fn a_link_in_the_place_of_a_model_is_told_and_replaced_without_what_it_leads_to() {
    let (keep, models) = store();
    let id = install(&models, "1.0.0");
    let change = models.change().unwrap();
    change.set_active(&station("left"), &id, NOW_S).unwrap();
    let elsewhere = keep.path().join("elsewhere");
    fs::rename(models.folder_of(&id), &elsewhere).unwrap();
    symlink(&elsewhere, models.folder_of(&id)).unwrap();
    assert_eq!(models.list().unwrap(), []);
    let strays = models.strays().unwrap();
    assert_eq!((strays.len(), &strays[0].id), (1, &id));
    assert!(!strays[0].is_proven());
    for error in [
        refused(models.open_bundle(&id)),
        refused(open_bundle_at(&models.folder_of(&id))),
        refused(change.set_active(&station("right"), &id, NOW_S)),
    ] {
        assert!(matches!(error, ModelsError::NoFolder { .. }), "{error}");
        assert!(!error.is_of_storage());
    }
    let again = change.install(&bundle("1.0.0")).unwrap();
    assert_eq!(again, (id.clone(), Installation::New));
    assert_eq!(models.strays().unwrap(), []);
    models.open_bundle(&id).unwrap();
    Bundle::open(&elsewhere).unwrap();
}

#[test]
fn a_model_whose_own_files_are_at_fault_is_known_as_such() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let change = models.change().unwrap();
    change.disprove(&id).unwrap();
    let listed = models.list().unwrap();
    assert!(listed[0].is_belied && !listed[0].is_proven());
    let folder = models.folder_of(&id);
    let error = listed[0].unproven();
    let remedy = format!("`rm -r {}`", folder.display());
    assert!(error.hint().unwrap().contains(&remedy), "{error}");
    let written = models.root().join(format!("proofs/{id}.toml"));
    let text = fs::read_to_string(&written).unwrap();
    // Another release may read more than this one.
    let earlier = text.replace(env!("CARGO_PKG_VERSION"), "0.0.0");
    assert_ne!(earlier, text);
    fs::write(&written, earlier).unwrap();
    let listed = models.list().unwrap();
    assert!(!listed[0].is_belied && !listed[0].is_proven());
    // Whoever proves it has the last word.
    change.prove(&id, &proof(&bundle("1.0.0"))).unwrap();
    assert!(models.list().unwrap()[0].is_proven());
    // What is damaged is not at fault itself.
    fs::remove_file(folder.join("SHA256SUMS")).unwrap();
    change.disprove(&id).unwrap();
    assert!(!written.exists());
}

#[test]
fn what_can_t_be_disproven_in_writing_is_not_proven_all_the_same() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let change = models.change().unwrap();
    // In the way of what is written before it gets its name, as a full disk would be.
    fs::create_dir(models.root().join(format!("proofs/.incoming-{id}.toml"))).unwrap();
    let error = refused(change.disprove(&id));
    assert!(error.is_of_storage(), "{error}");
    assert!(!models.list().unwrap()[0].is_proven());
}

#[test]
fn what_is_no_file_in_the_place_of_a_station_s_is_replaced_unless_it_is_a_folder() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let change = models.change().unwrap();
    let left = station("left");
    change.set_active(&left, &id, NOW_S).unwrap();
    let file = models.activation_of(&left);
    fs::remove_file(&file).unwrap();
    symlink("/dev/zero", &file).unwrap();
    let error = refused(models.activation(&left));
    assert!(error.is_of_storage() && error.is_of_a_file_to_replace());
    assert!(error.to_string().contains("is a link, where"), "{error}");
    assert!(matches!(
        refused(change.prune(0, &[])),
        ModelsError::NoFile { .. }
    ));
    change.set_active(&left, &id, NOW_S).unwrap();
    assert_eq!(models.activation(&left).unwrap().unwrap().active, id);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    for error in [
        refused(models.activation(&left)),
        refused(change.set_active(&left, &id, NOW_S)),
    ] {
        let remedy = format!("`rm -r {}`", file.display());
        assert!(error.hint().unwrap().contains(&remedy), "{error}");
    }
}

#[test]
fn the_folder_that_a_store_lacks_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("nowhere");
    let error = refused(Models::open(folder.join("models")).change());
    let hint = error.hint().unwrap();
    let remedy = format!("`mkdir -p {}`", folder.display());
    assert!(hint.contains(&remedy), "{hint}");
}

#[test]
fn a_lock_that_is_no_file_is_told() {
    let (_keep, models) = store();
    install(&models, "1.0.0");
    let lock = models.root().join(".lock");
    fs::remove_file(&lock).unwrap();
    symlink("elsewhere", &lock).unwrap();
    let error = refused(models.change());
    assert!(matches!(error, ModelsError::NoFile { .. }), "{error}");
    let remedy = format!("`rm {}`", lock.display());
    assert!(error.hint().unwrap().contains(&remedy), "{error}");
    assert!(!models.root().join("elsewhere").exists());
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let error = refused(models.change_when_free());
    assert!(error.hint().unwrap().contains("rm -r"), "{error}");
}
