# Runs a program as the first process of a container: `sh first-process.sh PROGRAM ARGUMENTS…`.
#
# The kernel hands to the first process what killed programs leave behind (a helper of a git that was ended), and Node
# waits only for what it has started itself. This shell waits for everything, and ends with the program.
exec 3<&0
"$@" <&3 3<&- &
child=$!
trap 'kill -TERM "$child"' TERM INT
trap 'kill -HUP "$child"' HUP
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || exit "$status"
done
