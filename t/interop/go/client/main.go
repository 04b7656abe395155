// The client calls Interop::Echo with the official Go SDK and says what comes back: "ok ROW" or
// "not ok ROW: why", a line each.
//
// usage: client OBJ [--locator LOCATOR] [ROW...]
//
//	client OBJ --locator LOCATOR where any|mod|ring CALLS [SET]
//
// where: which server each call went to, the hash of the k-th being k or k * 2654435761.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"interop/echo"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/util/current"
)

// Which values a type is filled with.
const (
	largest = iota
	smallest
	zeros
	defaults
)

// fill makes v the i-th value of its container; the keys of a map differ by that.
func fill(v reflect.Value, how, i int) {
	choose := func(large, small interface{}) {
		if how != zeros {
			v.Set(reflect.ValueOf([]interface{}{large, small}[how]).Convert(v.Type()))
		} else {
			v.Set(reflect.Zero(v.Type()))
		}
	}
	switch v.Interface().(type) {
	case bool:
		v.SetBool(how == largest)
	case int8:
		choose(math.MaxInt8-i, math.MinInt8+i)
	case int16:
		choose(math.MaxInt16-i, math.MinInt16+i)
	case int32:
		choose(math.MaxInt32-i, math.MinInt32+i)
	case int64:
		choose(int64(math.MaxInt64-i), int64(math.MinInt64+i))
	case uint8:
		choose(math.MaxUint8-i, i)
	case uint16:
		choose(math.MaxUint16-i, i)
	case uint32:
		choose(math.MaxUint32-i, i)
	case float32:
		choose(float32(math.MaxFloat32), float32(-math.MaxFloat32))
	case float64:
		choose(math.MaxFloat64, -math.MaxFloat64)
	case echo.Color:
		choose(echo.ColorBIG, echo.ColorNEG)
	case string:
		choose("héllo 世界 "+strconv.Itoa(i), strings.TrimPrefix(strconv.Itoa(i), "0"))
	case []int8:
		raw := []int8{}
		for k := 0; how == largest && k < 256; k++ {
			raw = append(raw, int8(k))
		}
		if how == smallest {
			raw = append(raw, -128)
		}
		v.Set(reflect.ValueOf(raw))
	default:
		fillMany(v, how, i)
	}
}

func fillMany(v reflect.Value, how, i int) {
	if v.Kind() == reflect.Struct {
		for k := 0; k < v.NumField(); k++ {
			fill(v.Field(k), how, i)
		}
		return
	}
	echo.Reset(v)
	for k := 0; how != zeros && k < 3; k++ {
		elem := reflect.New(v.Type().Elem()).Elem()
		fill(elem, how, k)
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(v, elem))
			continue
		}
		key := reflect.New(v.Type().Key()).Elem()
		fill(key, how, k)
		v.SetMapIndex(key, elem)
	}
}

// differ names the member that is not the same.
func differ(given, back interface{}) error {
	a, b := reflect.ValueOf(given), reflect.ValueOf(back)
	for k := 0; k < a.NumField(); k++ {
		if !reflect.DeepEqual(a.Field(k).Interface(), b.Field(k).Interface()) {
			return fmt.Errorf("'%s' came back changed", a.Type().Field(k).Name)
		}
	}
	return nil
}

func prims(how int) func(*echo.Echo) error {
	return func(e *echo.Echo) error {
		var given echo.Prims
		fill(reflect.ValueOf(&given).Elem(), how, 0)
		back, err := e.EchoPrims(given)
		if err != nil {
			return err
		}
		return differ(given, back)
	}
}

func all(how int) func(*echo.Echo) error {
	return func(e *echo.Echo) error {
		var given echo.All
		if v := reflect.ValueOf(&given).Elem(); how == defaults {
			echo.Reset(v)
		} else {
			fill(v, how, 0)
		}
		back, err := e.EchoAll(given)
		if err != nil {
			return err
		}
		return differ(given, back)
	}
}

func add(e *echo.Echo) error {
	sum, err := e.Add(math.MaxInt32, 2)
	if err == nil && sum != math.MinInt32+1 {
		return errors.New("a wrong sum")
	}
	return err
}

func big(e *echo.Echo) error {
	text := strings.Repeat("0123456789abcdef", 1<<16)
	same, err := e.Big(text)
	if err == nil && same != text {
		return errors.New("another text")
	}
	return err
}

func many(e *echo.Echo) error {
	const n = 1000
	var wait sync.WaitGroup
	errs := make([]error, n)
	for k := 0; k < n; k++ {
		wait.Add(1)
		go func(k int) {
			defer wait.Done()
			sum, err := e.Add(int32(k), 1)
			if err == nil && sum != int32(k)+1 {
				err = errors.New("a wrong sum")
			}
			errs[k] = err
		}(k)
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func fail(e *echo.Echo) error {
	for _, code := range []int32{0, 1, 7, 100000, -77} {
		if got := tars.GetErrorCode(e.Fail(code)); got != code {
			return fmt.Errorf("code %d came as %d", code, got)
		}
	}
	return nil
}

// What tars2go generates answers 1, the others -3.
func nofunc(e *echo.Echo) error {
	err := e.Bare("noSuchFunction")
	if code := tars.GetErrorCode(err); code != -3 && code != 1 {
		return fmt.Errorf("code %d: %v", code, err)
	}
	return nil
}

func ping(e *echo.Echo) error { return e.Bare("tars_ping") }

func callContext(e *echo.Echo) error {
	sent := map[string]string{"empty": "", "first": "1", "second": "héllo"}
	seen, _, err := e.Context(sent)
	for key, value := range sent {
		if got, have := seen[key]; err == nil && (!have || got != value) {
			err = errors.New("an entry is missing or changed")
		}
	}
	return err
}

func replyContext(e *echo.Echo) error {
	_, reply, err := e.Context(nil)
	if err == nil && reply["seen"] == "" {
		err = errors.New("the reply has no context 'seen'")
	}
	return err
}

func oneway(e *echo.Echo) error {
	what := "Go " + strconv.Itoa(os.Getpid())
	for k := 0; k < 10; k++ {
		if err := e.Note(what); err != nil {
			return err
		}
	}
	n := int32(0)
	for k := 0; k < 500; k++ {
		var err error
		if n, err = e.Noted(what); err != nil || n == 10 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%d of 10 arrived", n)
}

var rows = []struct {
	name string
	run  func(*echo.Echo) error
}{
	{"prims-largest", prims(largest)}, {"prims-smallest", prims(smallest)},
	{"prims-zeros", prims(zeros)}, {"all-largest", all(largest)},
	{"all-smallest", all(smallest)}, {"all-zeros", all(zeros)}, {"all-defaults", all(defaults)},
	{"add", add}, {"big", big}, {"many", many}, {"fail", fail}, {"nofunc", nofunc},
	{"context", callContext}, {"reply-context", replyContext}, {"oneway", oneway},
	{"ping", ping},
}

// where gives 1 if a call failed.
func where(e *echo.Echo, how, calls string) (failed int) {
	n, _ := strconv.Atoi(calls)
	for k := 1; k <= n; k++ {
		ctx := current.ContextWithClientCurrent(context.Background())
		switch how {
		case "mod":
			current.SetClientHash(ctx, int(tars.ModHash), uint32(k))
		case "ring":
			current.SetClientHash(ctx, int(tars.ConsistentHash), uint32(k)*2654435761)
		}
		reply, err := e.Where(ctx)
		if err != nil {
			reply, failed = map[string]string{"where": err.Error()}, 1
		}
		fmt.Println(k, reply["where"])
	}
	return failed
}

func isWanted(row string, wanted []string) bool {
	for _, name := range wanted {
		if name == row {
			return true
		}
	}
	return len(wanted) == 0
}

func main() {
	args := os.Args[1:]
	os.Args = os.Args[:1] // the SDK reads options of its own
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: client OBJ [--locator LOCATOR] [ROW...]")
		os.Exit(64)
	}
	comm, wanted := tars.NewCommunicator(), args[1:]
	if len(args) > 2 && args[1] == "--locator" {
		comm.SetLocator(args[2])
		wanted = args[3:]
	}
	e := new(echo.Echo)
	if len(wanted) > 2 && wanted[0] == "where" {
		options := []tars.EndpointManagerOption{}
		if len(wanted) > 3 {
			options = append(options, tars.WithSet(wanted[3]))
		}
		comm.StringToProxy(args[0], e, options...)
		os.Exit(where(e, wanted[1], wanted[2]))
	}
	comm.StringToProxy(args[0], e)
	status := 0
	for _, row := range rows {
		if !isWanted(row.name, wanted) {
			continue
		}
		if err := row.run(e); err != nil {
			fmt.Printf("not ok %s: %v\n", row.name, err)
			status = 1
		} else {
			fmt.Printf("ok %s\n", row.name)
		}
	}
	os.Exit(status)
}
