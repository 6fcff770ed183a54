"""TAB: what completes a word, and the scripts that teach a shell to ask for it.

The scripts speak the protocol of Typer's own (environment variables in, one suggestion a line
out), without what is wrong with those: the one for zsh is not registered when it is found in
`fpath`, and needs a second TAB; the one for bash breaks at `:`; the one for PowerShell binds
TAB anew.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeAlias

from qjobs import paths

Words: TypeAlias = list[tuple[str, str]]
"""What a word may become, each with what it means, which may be empty."""

_MOST_SETS = 200


def one_of(words: Callable[[], Iterable[tuple[str, str]]]) -> Callable[[], Words]:
    """A completion of what takes one of some words, which are asked for at a TAB only."""

    def complete() -> Words:
        with suppress(Exception):
            return list(words())
        return []

    return complete


def complete_address(incomplete: str) -> Words:
    """Sets by name and id and, after `:` or `/`, the circuits or the jobs of one."""
    # TAB must never print anything, whatever state the state is in.
    with suppress(Exception):
        for sign in ":/":
            word, found, _ = incomplete.partition(sign)
            if found:
                return _complete_jobs(word, sign)
        return _complete_sets()
    return []


def _complete_sets() -> Words:
    from qjobs.cli.workspace import open_workspace
    from qjobs.render.text import rfc3339

    words = []
    for group in open_workspace().store.listing().groups()[:_MOST_SETS]:
        header = group[-1]
        created = rfc3339(header.created.replace(microsecond=0))
        if len(group) > 1:
            words.append((header.program, f"{len(group)} sets of a program of {created}"))
            continue
        if header.name:
            words.append((header.name, f"{header.set_id} of {created}"))
        words.append((header.set_id, f"{header.name or 'a set'} of {created}"))
    return [*words, ("@last", "the newest set"), ("@all", "all sets")] if words else []


def _complete_jobs(word: str, sign: str) -> Words:
    from qjobs.cli.workspace import open_workspace
    from qjobs.engine.address import resolve

    target = resolve(open_workspace().store, word)
    if sign == "/":
        return [(f"{word}/{job}", f"circuits {target.folder.slices[job]}") for job in target.jobs]
    return [(f"{word}:{part}", f"job {job}") for job, part in enumerate(target.folder.slices)]


def complete_backend(incomplete: str = "") -> Words:
    """The providers, and the default; after `PROVIDER:` its backends, where they are known."""
    with suppress(Exception):
        from qjobs.providers import loading

        provider, colon, _ = incomplete.partition(":")
        if colon:
            return [
                (f"{provider}:{info.name}", info.description)
                for info in loading.known_backends(provider, paths.state_home())
                # A second name for a thing only keeps the first one from being completed.
                if not info.alias
            ]
        return [
            ("local:aer", "the simulator on this machine"),
            *((f"{name}:", "a provider") for name in loading.names() if name != "local"),
        ]
    return []


def complete_provider() -> Words:
    """The providers."""
    with suppress(Exception):
        from qjobs.providers import loading

        return [(name, "a provider") for name in loading.names()]
    return []


def complete_profile() -> Words:
    """The profiles of the config files."""
    with suppress(Exception):
        from qjobs.cli.defaults import files

        names = dict.fromkeys(name for file in files() for name in file.profiles)
        return [(name, "a profile") for name in names]
    return []


_BASH = """\
# Completion of qjobs for bash. Made by `qjobs completion bash`.

_qjobs_completion() {
    # COMP_WORDS is split at ':', which addresses contain; so the line itself is read.
    local line=${COMP_LINE:0:COMP_POINT} reply prefix
    local word=${line##*[[:space:]]}
    word=${word#--*=}
    # Bash only replaces what comes after the last of these signs.
    prefix=${word%"${word##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\\t' read -r reply _; do
        [[ -n $reply ]] && COMPREPLY+=("${reply#"$prefix"}")
    done < <(_QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \\
             _TYPER_COMPLETE_ARGS=$line "$1" 2>/dev/null)
    # After a provider comes its backend, and no space.
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
}

complete -o default -F _qjobs_completion qjobs
"""

_ZSH = """\
#compdef qjobs
# Completion of qjobs for zsh. Made by `qjobs completion zsh`.

_qjobs_completion() {
  local word help common
  local -a words_found shown begun
  while IFS=$'\\t' read -r word help; do
    [[ -n $word ]] || continue
    words_found+=("$word")
    word=${word//:/\\\\:}${help:+:$help}
    # After a provider comes its backend, and no space.
    if [[ $words_found[-1] == *: ]]; then begun+=("$word"); else shown+=("$word"); fi
  done < <(_QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \\
           _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" qjobs 2>/dev/null)
  # What stands before the value of an option is not completed.
  [[ $PREFIX == --*=* ]] && compset -P 1 '*='
  if (( ! $#words_found )); then
    _files
    return
  fi
  _describe -V qjobs shown -- begun -S ''
  local -i nothing=$?
  # Of several addresses what all of them begin with is inserted: nothing of their insides, where
  # the user's matchers may find more in common, and no whole one that nobody has selected.
  if (( $#words_found > 1 )) && [[ $PREFIX == *[:/]* ]]; then
    common=$words_found[1]
    for word in $words_found; do
      while [[ $word != "$common"* ]]; do common=$common[1,-2]; done
    done
    if [[ $compstate[insert] == *unambiguous ]]; then
      [[ ${compstate[unambiguous]#"$IPREFIX"} == "$common" ]] || compstate[insert]=
    elif [[ $compstate[insert] == automenu ]]; then
      zstyle -m ":completion:$curcontext:default" menu '*select*' || compstate[insert]=
    fi
    [[ -n $compstate[insert] ]] || compstate[list]=list
  fi
  return nothing
}

if [[ $funcstack[1] == _qjobs ]]; then
  _qjobs_completion "$@"
else
  compdef _qjobs_completion qjobs
fi
"""

_FISH_CALL = (
    "env _QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION={} "
    "_TYPER_COMPLETE_ARGS=(commandline -cp) qjobs 2>/dev/null"
)
_FISH = f"""\
# Completion of qjobs for fish. Made by `qjobs completion fish`.

function __qjobs_arguments
    # Fish replaces the whole word: the value of an option comes with the option's name.
    set -l word (commandline -ct)
    set -l option (string match --regex -- '^--[^=]+=' "$word")
    {_FISH_CALL.format("get-args")} | string replace --regex -- '^' "$option"
end

complete --command qjobs --no-files --arguments "(__qjobs_arguments)" \\
    --condition "{_FISH_CALL.format("is-args")}"
"""

_POWERSHELL = """\
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
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}
"""The completion scripts by shell."""
