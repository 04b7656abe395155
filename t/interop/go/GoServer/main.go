// GoServer is Interop::Echo on the official Go SDK.
package main

import (
	"context"
	"strconv"
	"sync"

	"interop/echo"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/util/current"
)

type server struct {
	lock  sync.Mutex
	notes map[string]int32
}

func (s *server) EchoAll(given echo.All) (echo.All, error)       { return given, nil }
func (s *server) EchoPrims(given echo.Prims) (echo.Prims, error) { return given, nil }
func (s *server) Add(a, b int32) (int32, error)                  { return a + b, nil }
func (s *server) Big(text string) (string, error)                { return text, nil }

func (s *server) Fail(code int32) error {
	if code == 0 {
		return nil
	}
	return tars.Errorf(code, "code %d as asked", code)
}

func (s *server) Context(ctx context.Context) (map[string]string, error) {
	seen, _ := current.GetRequestContext(ctx)
	current.SetResponseContext(ctx, map[string]string{"seen": strconv.Itoa(len(seen))})
	return seen, nil
}

func (s *server) Note(what string) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.notes[what]++
	return nil
}

func (s *server) Noted(what string) (int32, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.notes[what], nil
}

func main() {
	conf := tars.GetServerConfig()
	tars.AddServantWithContext(new(echo.Echo), &server{notes: map[string]int32{}},
		conf.App+"."+conf.Server+".EchoObj")
	tars.Run()
}
