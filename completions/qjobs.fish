# Completion of qjobs for fish. Made by `qjobs completion fish`.

complete --command qjobs --no-files --arguments "(env _QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args _TYPER_COMPLETE_ARGS=(commandline -cp) qjobs 2>/dev/null)" \
    --condition "env _QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=is-args _TYPER_COMPLETE_ARGS=(commandline -cp) qjobs 2>/dev/null"
