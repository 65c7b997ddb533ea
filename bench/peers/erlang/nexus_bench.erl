%% The cases of the benchmarks for Erlang/OTP. Prints "case <tab> unit <tab> value" lines; run.mjs knows the names of the cases.
%% Same rules as for the others: warm up, count what was handled and not what was sent, check the totals.
-module(nexus_bench).
-export([main/1]).

main([Suite | Numbers]) ->
    try
        suite(list_to_atom(Suite), [list_to_integer(Number) || Number <- Numbers]),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format("~p ~p ~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

suite(same_thread, [WarmMs, RunMs, SamplesMax, _Agents]) ->
    One = spawn_link(fun() -> counter(0) end),
    print(tell, "messages/s", throughput(WarmMs, RunMs, 1000, fun(N) -> tell_one(One, N) end)),
    Many = [spawn_link(fun() -> counter(0) end) || _ <- lists:seq(1, 1000)],
    print(tell_many, "messages/s", throughput(WarmMs, RunMs, 1000, fun(N) -> tell_many(Many, lists:last(Many), N) end)),
    PerSecond = throughput(WarmMs, RunMs, 10, fun(N) -> ask_in_turn(One, N) end),
    Samples = lists:sort(timed_asks(One, max(10, min(SamplesMax, round(PerSecond * RunMs / 1000))), [])),
    print(ask_p50, "ns", lists:nth((length(Samples) + 1) div 2, Samples)),
    print(ask_mean, "ns", 1.0e9 / PerSecond),
    print(spawn, "agents/s", throughput(WarmMs, RunMs, 100, fun(N) -> spawn_and_stop(1, N) end)),
    print(spawn_batch, "agents/s", throughput(WarmMs, RunMs, 100, fun(N) -> spawn_and_stop(100, N) end));
suite(memory, [_WarmMs, _RunMs, _SamplesMax, Agents]) ->
    Table = ets:new(names, [set]),
    create(Table, 0, 200),
    Before = resident(),
    create(Table, 200, 200 + Agents),
    After = resident(),
    true = ets:info(Table, size) =:= Agents + 200,
    print(resident, "bytes", (After - Before) / Agents);
suite(lookup, [WarmMs, RunMs, _SamplesMax, Agents]) ->
    Table = ets:new(names, [set, {read_concurrency, true}]),
    create_rows(Table, 0, Agents),
    Random = list_to_tuple([name(I) || {_, I} <- lists:sort([{rand:uniform(), I} || I <- lists:seq(0, Agents - 1)])]),
    Hot = list_to_tuple([name(I * Agents div 8) || I <- lists:seq(0, 7)]),
    print(find_random, "ns", 1.0e9 / throughput(WarmMs, RunMs, 1000, fun(N) -> find(Table, Random, 1, N) end)),
    print(find_hot, "ns", 1.0e9 / throughput(WarmMs, RunMs, 1000, fun(N) -> find(Table, Hot, 1, N) end));
suite(table, [WarmMs, RunMs, _SamplesMax, Agents]) ->
    Table = ets:new(names, [set, {read_concurrency, true}]),
    create_rows(Table, 0, Agents),
    Random = list_to_tuple([name(I) || {_, I} <- lists:sort([{rand:uniform(), I} || I <- lists:seq(0, Agents - 1)])]),
    Hot = list_to_tuple([name(I * Agents div 8) || I <- lists:seq(0, 7)]),
    print(table_find_random, "ns", 1.0e9 / throughput(WarmMs, RunMs, 1000, fun(N) -> find(Table, Random, 1, N) end)),
    HotNs = 1.0e9 / throughput(WarmMs, RunMs, 1000, fun(N) -> find(Table, Hot, 1, N) end),
    print(table_find_hot, "ns", HotNs),
    %% A name is all that a table of names has: what a reference costs nexus, a search costs here.
    print(table_reference_hot, "ns", HotNs),
    Fresh = [name(I) || I <- lists:seq(Agents, Agents + max(100, Agents div 20) - 1)],
    Removals = [Name || {_, Name} <- lists:sort([{rand:uniform(), Name} || Name <- Fresh])],
    changes(Table, Fresh, Removals, WarmMs * 1000000, 0, 0, 0),
    erlang:garbage_collect(),
    {InsertNs, RemoveNs} = changes(Table, Fresh, Removals, RunMs * 1000000, 0, 0, 0),
    Agents = ets:info(Table, size),
    print(table_insert, "ns", InsertNs / length(Fresh)),
    print(table_remove, "ns", RemoveNs / length(Fresh)),
    Few = list_to_tuple([lists:nth(1 + I * length(Fresh) div 8, Fresh) || I <- lists:seq(0, 7)]),
    print(table_insert_hot, "ns", 1.0e9 / throughput(WarmMs, RunMs, 1000, fun(N) -> insert_and_remove(Table, Few, 1, N) end));
suite(scale, [_WarmMs, _RunMs, _SamplesMax, Agents]) ->
    Tallies = {spawn_link(fun() -> tally(0, 0) end), spawn_link(fun() -> tally(0, 0) end)},
    Start = now_ns(),
    Pids = [spawn(fun() -> tiny(element(1 + I rem 2, Tallies)) end) || I <- lists:seq(0, Agents - 1)],
    Spawned = now_ns(),
    tell_numbers(Pids, 0),
    {Agents, Sum} = totals(Tallies, Agents),
    End = now_ns(),
    Sum = Agents * (Agents - 1) div 2,
    print(scale_seconds, "s", (End - Start) / 1.0e9),
    print(scale_spawned, "agents/s", Agents * 1.0e9 / (Spawned - Start)),
    print(scale_told, "messages/s", Agents * 1.0e9 / (End - Spawned)).

%% Measuring

throughput(WarmMs, RunMs, Quantum, Work) ->
    Rate = warm(now_ns() + WarmMs * 1000000, WarmMs, Quantum, Quantum, Work),
    N = max(Quantum, round_up(Rate * RunMs / 1000, Quantum)),
    erlang:garbage_collect(),
    From = now_ns(),
    Work(N),
    N * 1.0e9 / (now_ns() - From).

warm(Until, WarmMs, Quantum, N, Work) ->
    From = now_ns(),
    Work(N),
    Now = now_ns(),
    Elapsed = max(1, Now - From),
    Rate = N * 1.0e9 / Elapsed,
    Next = case Elapsed < WarmMs * 250000 of
        true -> min(N * 4, max(Quantum, round_up(Rate * WarmMs / 2000, Quantum)));
        false -> N
    end,
    case Now < Until of
        true -> warm(Until, WarmMs, Quantum, Next, Work);
        false -> Rate
    end.

round_up(Value, Quantum) -> ceil(Value / Quantum) * Quantum.

now_ns() -> erlang:monotonic_time(nanosecond).

print(Case, Unit, Value) -> io:format("~s\t~s\t~w~n", [Case, Unit, Value]).

%% Processes

counter(N) ->
    receive
        {add, By} -> counter(N + By);
        {read, From, Ref} -> From ! {Ref, N}, counter(N);
        stop -> ok
    end.

ask(Pid) ->
    Ref = make_ref(),
    Pid ! {read, self(), Ref},
    receive {Ref, Value} -> Value end.

tell_one(Pid, N) -> tell_batches(Pid, ask(Pid), N).

tell_batches(_Pid, _Total, 0) -> ok;
tell_batches(Pid, Total, N) ->
    add(Pid, 1000),
    Handled = Total + 1000,
    Handled = ask(Pid),
    tell_batches(Pid, Handled, N - 1000).

add(_Pid, 0) -> ok;
add(Pid, N) -> Pid ! {add, 1}, add(Pid, N - 1).

tell_many(Pids, Last, N) ->
    Before = lists:sum([ask(Pid) || Pid <- Pids]),
    tell_each(Pids, Last, N),
    N = lists:sum([ask(Pid) || Pid <- Pids]) - Before.

tell_each(_Pids, _Last, 0) -> ok;
tell_each(Pids, Last, N) ->
    add_to_each(Pids),
    ask(Last),
    tell_each(Pids, Last, N - 1000).

add_to_each([]) -> ok;
add_to_each([Pid | Rest]) -> Pid ! {add, 1}, add_to_each(Rest).

ask_in_turn(_Pid, 0) -> ok;
ask_in_turn(Pid, N) -> ask(Pid), ask_in_turn(Pid, N - 1).

timed_asks(_Pid, 0, Samples) -> Samples;
timed_asks(Pid, N, Samples) ->
    From = now_ns(),
    ask(Pid),
    timed_asks(Pid, N - 1, [now_ns() - From | Samples]).

spawn_and_stop(_Together, 0) -> ok;
spawn_and_stop(Together, N) ->
    Spawned = [spawn_monitor(fun() -> counter(0) end) || _ <- lists:seq(1, Together)],
    [Pid ! stop || {Pid, _} <- Spawned],
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok end || {Pid, Monitor} <- Spawned],
    spawn_and_stop(Together, N - Together).

%% Memory

create(_Table, To, To) -> ok;
create(Table, From, To) ->
    ets:insert(Table, {name(From), spawn(fun() -> counter(0) end)}),
    create(Table, From + 1, To).

name(Index) -> list_to_binary(["agent-", integer_to_list(Index)]).

%% Of the whole virtual machine, once every process has had its turn.
resident() ->
    timer:sleep(100),
    erlang:garbage_collect(),
    case file:read_file("/proc/self/status") of
        {ok, Status} ->
            {match, [Kilobytes]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
            list_to_integer(Kilobytes) * 1024;
        {error, _} ->
            erlang:memory(total)
    end.

%% Lookup

create_rows(_Table, To, To) -> ok;
create_rows(Table, From, To) ->
    ets:insert(Table, {name(From), self()}),
    create_rows(Table, From + 1, To).

find(_Table, _Names, _At, 0) -> ok;
find(Table, Names, At, N) ->
    [{_, _}] = ets:lookup(Table, element(At, Names)),
    find(Table, Names, case At =:= tuple_size(Names) of true -> 1; false -> At + 1 end, N - 1).

%% Table

%% Nanoseconds of one round of insertions and of one of removals.
changes(_Table, _Fresh, _Removals, Until, Inserting, Removing, Rounds) when Inserting + Removing >= Until, Rounds > 0 ->
    {Inserting / Rounds, Removing / Rounds};
changes(Table, Fresh, Removals, Until, Inserting, Removing, Rounds) ->
    From = now_ns(),
    insert_all(Table, Fresh, self()),
    Between = now_ns(),
    remove_all(Table, Removals),
    changes(Table, Fresh, Removals, Until, Inserting + Between - From, Removing + now_ns() - Between, Rounds + 1).

insert_all(_Table, [], _Value) -> ok;
insert_all(Table, [Name | Rest], Value) -> true = ets:insert_new(Table, {Name, Value}), insert_all(Table, Rest, Value).

remove_all(_Table, []) -> ok;
remove_all(Table, [Name | Rest]) -> true = ets:delete(Table, Name), remove_all(Table, Rest).

insert_and_remove(_Table, _Names, _At, 0) -> ok;
insert_and_remove(Table, Names, At, N) ->
    Name = element(At, Names),
    true = ets:insert_new(Table, {Name, N}),
    true = ets:delete(Table, Name),
    insert_and_remove(Table, Names, case At =:= tuple_size(Names) of true -> 1; false -> At + 1 end, N - 1).

%% Scale

tiny(Tally) ->
    receive {take, Number} -> Tally ! Number, tiny(Tally) end.

tally(Handled, Sum) ->
    receive
        {totals, From, Ref} -> From ! {Ref, Handled, Sum}, tally(Handled, Sum);
        Number -> tally(Handled + 1, Sum + Number)
    end.

tell_numbers([], _Number) -> ok;
tell_numbers([Pid | Rest], Number) -> Pid ! {take, Number}, tell_numbers(Rest, Number + 1).

totals({First, Second} = Tallies, Expected) ->
    {HandledFirst, SumFirst} = totals_of(First),
    {HandledSecond, SumSecond} = totals_of(Second),
    case HandledFirst + HandledSecond >= Expected of
        true -> {HandledFirst + HandledSecond, SumFirst + SumSecond};
        false -> timer:sleep(1), totals(Tallies, Expected)
    end.

totals_of(Tally) ->
    Ref = make_ref(),
    Tally ! {totals, self(), Ref},
    receive {Ref, Handled, Sum} -> {Handled, Sum} end.
