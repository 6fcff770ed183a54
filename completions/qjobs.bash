# Completion of qjobs for bash. Made by `qjobs completion bash`.

_qjobs_completion() {
    # COMP_WORDS is split at ':', which addresses contain; so the line itself is read.
    local line=${COMP_LINE:0:COMP_POINT} reply prefix
    local word=${line##*[[:space:]]}
    word=${word#--*=}
    # Bash only replaces what comes after the last of these signs.
    prefix=${word%"${word##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r reply _; do
        [[ -n $reply ]] && COMPREPLY+=("${reply#"$prefix"}")
    done < <(_QJOBS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \
             _TYPER_COMPLETE_ARGS=$line "$1" 2>/dev/null)
    # After a provider comes its backend, and no space.
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
}

complete -o default -F _qjobs_completion qjobs
