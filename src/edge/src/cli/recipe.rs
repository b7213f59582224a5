//! What a user types of recipes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::AskArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect recipe list
  twinspect recipe select 2
  twinspect recipe select bracket --json")]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    pub(crate) command: RecipeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecipeCommand {
    /// Lists the recipes of a station, the installed model of each, and which one is selected.
    List(ListRecipesArgs),
    /// Tells a running station that another product comes, and waits until its model is in charge. Until then no
    /// part is judged, and all are rejected.
    Select(SelectRecipeArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without --config the station of /etc/twinspect is meant, if there is only one. Whether it runs does
not matter.

Examples:
  twinspect recipe list
  twinspect recipe list --config /etc/twinspect/left.toml --json")]
pub(crate) struct ListRecipesArgs {
    /// The station's configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 0: the recipe's model judges. 4: it does not, and the answer says why; parts are rejected
until it does or another recipe is selected, and the station tries again by itself. 2: nothing has
changed, since there is no such recipe, or the machine's lines choose; or another one was selected
meanwhile.

The recipe that is live already: a newer model of it is looked for, if its version is \"newest\".
The one before judges until that one is in charge.

Examples:
  twinspect recipe select 2
  twinspect recipe select bracket --config /etc/twinspect/left.toml --json")]
pub(crate) struct SelectRecipeArgs {
    /// Its number, or its name.
    #[arg(value_name = "RECIPE")]
    pub(crate) recipe: String,
    #[command(flatten)]
    pub(crate) station: AskArgs,
}
