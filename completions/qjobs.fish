# Completion of qjobs for fish. Made by `qjobs completion fish`.

function __qjobs_arguments
    # Fish replaces the whole word: the value of an option comes with the option's name.
    set -l word (commandline -ct)
    set -l option (string match --regex -- '^--[^=]+=' "$word")
    env _QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args _TYPER_COMPLETE_ARGS=(commandline -cp) qjobs 2>/dev/null | string replace --regex -- '^' "$option"
end

complete --command qjobs --no-files --arguments "(__qjobs_arguments)" \
    --condition "env _QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=is-args _TYPER_COMPLETE_ARGS=(commandline -cp) qjobs 2>/dev/null"
