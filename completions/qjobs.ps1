# Completion of qjobs for PowerShell. Made by `qjobs completion powershell`.

Register-ArgumentCompleter -Native -CommandName qjobs -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $Env:_QJOBS_COMPLETE = "complete_powershell"
    $Env:_TYPER_COMPLETE_ARGS = $commandAst.ToString()
    $Env:_TYPER_COMPLETE_WORD_TO_COMPLETE = $wordToComplete
    # The value of an option stands behind its name, and `@` at the beginning is an operator.
    $option = if ($wordToComplete -match '^--[^=]+=') { $Matches[0] } else { '' }
    qjobs 2>$null | ForEach-Object {
        $value, $help = $_ -Split ":::", 2
        $value = $option + $value
        if ($value.StartsWith('@')) { $value = "'$value'" }
        [System.Management.Automation.CompletionResult]::new(
            $value, $value, 'ParameterValue', $help)
    }
    Remove-Item Env:_QJOBS_COMPLETE, Env:_TYPER_COMPLETE_ARGS
    Remove-Item Env:_TYPER_COMPLETE_WORD_TO_COMPLETE -ErrorAction SilentlyContinue
}
