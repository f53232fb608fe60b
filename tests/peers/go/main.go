// The Go client behind JSON lines: one command a line on stdin, one answer a line on stdout.
//
//	{"do": "put", "key": 7, "bins": {"a": 1}}  ->  {"ok": true}
//
// Keys are integers and strings, of namespace test and the set that the command names. Floats are told from
// integers by their point.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	as "github.com/aerospike/aerospike-client-go/v8"
)

type command struct {
	Do   string         `json:"do"`
	Set  string         `json:"set"`
	Key  any            `json:"key"`
	Keys []any          `json:"keys"`
	Bins map[string]any `json:"bins"`
}

// Numbers as the server has them; json.Number keeps what was written.
func value(v any) any {
	switch x := v.(type) {
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			f, _ := x.Float64()
			return f
		}
		i, _ := strconv.Atoi(x.String())
		return i
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = value(e)
		}
		return out
	case map[string]any:
		out := make(map[any]any, len(x))
		for k, e := range x {
			out[k] = value(e)
		}
		return out
	}
	return v
}

// What JSON can say: maps with string keys.
func plain(v any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = plain(e)
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[fmt.Sprint(k)] = plain(e)
		}
		return out
	}
	return v
}

func plainBins(r *as.Record) any {
	if r == nil {
		return nil
	}
	out := make(map[string]any, len(r.Bins))
	for name, v := range r.Bins {
		out[name] = plain(v)
	}
	return out
}

func run(client *as.Client, c *command) (any, error) {
	keyOf := func(v any) *as.Key {
		key, err := as.NewKey("test", c.Set, value(v))
		if err != nil {
			panic(err)
		}
		return key
	}
	switch c.Do {
	case "put":
		bins := as.BinMap{}
		for name, v := range c.Bins {
			bins[name] = value(v)
		}
		if err := client.Put(nil, keyOf(c.Key), bins); err != nil {
			return nil, err
		}
		return true, nil
	case "get":
		record, err := client.Get(nil, keyOf(c.Key))
		if err != nil && err.Matches(as.ErrKeyNotFound.ResultCode) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return plainBins(record), nil
	case "batch":
		keys := make([]*as.Key, len(c.Keys))
		for i, k := range c.Keys {
			keys[i] = keyOf(k)
		}
		records, err := client.BatchGet(nil, keys)
		if err != nil {
			return nil, err
		}
		out := make([]any, len(records))
		for i, r := range records {
			out[i] = plainBins(r)
		}
		return out, nil
	case "remove":
		_, err := client.Delete(nil, keyOf(c.Key))
		if err != nil {
			return nil, err
		}
		return true, nil
	case "node": // the one that the client's own map names for a write
		partition, err := as.PartitionForWrite(client.Cluster(), &client.DefaultWritePolicy.BasePolicy, keyOf(c.Key))
		if err != nil {
			return nil, err
		}
		node, err := partition.GetNodeWrite(client.Cluster())
		if err != nil {
			return nil, err
		}
		return node.GetName(), nil
	case "nodes":
		return client.GetNodeNames(), nil
	}
	return nil, fmt.Errorf("no command %q", c.Do)
}

func main() {
	port, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	policy := as.NewClientPolicy()
	policy.TendInterval = 100 * time.Millisecond
	out := json.NewEncoder(os.Stdout)
	client, failure := as.NewClientWithPolicyAndHost(policy, as.NewHost(os.Args[1], port))
	if failure != nil {
		_ = out.Encode(map[string]any{"error": failure.Error()})
		return
	}
	defer client.Close()
	_ = out.Encode(map[string]any{"ok": "connected"})
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var c command
		decoder := json.NewDecoder(strings.NewReader(string(line)))
		decoder.UseNumber()
		if err := decoder.Decode(&c); err != nil {
			panic(err)
		}
		got, failed := run(client, &c)
		if failed != nil {
			_ = out.Encode(map[string]any{"error": failed.Error()})
		} else {
			_ = out.Encode(map[string]any{"ok": got})
		}
	}
}
